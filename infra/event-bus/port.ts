/**
 * The event bus: it delivers notifications to processors. A notification names an event and does
 * not carry it: a handler reads the stream from the store, so duplicates, reordering and replays
 * are harmless to a correct handler.
 *
 * An implementer promises, per group: every event of a subscribed type is delivered at least once,
 * also after a crash; notifications of one stream are handled one after another, in order; a
 * handler that throws is called again after a growing pause, while other streams go on; after
 * `attemptsMax` failures the notification becomes a dead letter, which the admin API shows, and the
 * later notifications of its stream go on. A deferred notification takes no handling slot and keeps
 * nothing back, and counts as processed when its work says so: after a crash it is delivered again.
 */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { Category, StreamName } from '../../contracts/streams.js';
import type { DeadLetter, DeadLetterPage } from '../checkpoints/port.js';
import type { Position } from '../event-store/port.js';

/** An event by its name. */
export interface EventNotification {
  readonly stream: StreamName;
  readonly revision: number;
  readonly type: AnyEvent['type'];
  readonly position: Position;
}

export interface Notification extends EventNotification {
  /** 1 on the first delivery. */
  readonly attempt: number;
}

/** The work of a notification goes on after its handler. The group itself bounds how much does. */
export interface Deferral {
  /** A word, as for a handled notification. */
  readonly outcome: string;
  /** When it rejects, the notification is delivered again, as after a throw. */
  readonly processed: Promise<void>;
}

export interface Group {
  /** The processor's name: checkpoint, metric label and dead-letter topic. */
  readonly name: string;
  readonly categories: readonly Category[];
  readonly subscribesTo: readonly AnyEvent['type'][];
  /** Notifications handled at one time; a handler that waits pauses consumption at this bound. */
  readonly concurrencyMax: number;
  readonly attemptsMax: number;
  /** Called when this process begins to handle; the signal aborts when it ends. */
  begin?(signal: AbortSignal): void;
  /** Answers the outcome, a word that labels the metric and the log line of this unit of work. */
  handle(notification: Notification, signal: AbortSignal): Promise<string | Deferral>;
}

export interface GroupLag {
  readonly group: string;
  readonly checkpoint: Position;
  readonly head: Position;
  readonly deadLetters: number;
}

export interface EventBus {
  /** Runs the group until the signal aborts; then waits for the running handlers and returns. */
  run(group: Group, signal: AbortSignal): Promise<void>;
  /** In the order of the log. */
  deadLetters(group?: string, page?: DeadLetterPage): Promise<readonly DeadLetter[]>;
  /** Delivers a dead letter again; false when there is no such dead letter. */
  redrive(group: string, stream: StreamName, revision: number): Promise<boolean>;
  /** It is not delivered any more; false when there is no such dead letter. */
  drop(group: string, stream: StreamName, revision: number): Promise<boolean>;
  lag(): Promise<readonly GroupLag[]>;
}
