/**
 * The event bus: delivery to processors. It is a doorbell: it names the stream, truth is read from
 * the store, so duplicates, reordering and replays are harmless to a right handler.
 *
 * An implementer promises, per group: every wanted event rings at least once, also after a crash;
 * wakes of one stream are handled one after another in order; a handler that throws is called again
 * after a growing pause while other streams go on; after `attemptsMax` failures the wake is parked
 * where the admin API shows it, and its stream's later wakes go on.
 */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { Category, StreamName } from '../../contracts/streams.js';
import type { ParkedWake } from '../checkpoints/port.js';
import type { Position } from '../event-store/port.js';

export interface Wake {
  readonly stream: StreamName;
  readonly revision: number;
  readonly type: AnyEvent['type'];
  readonly position: Position;
  /** 1 on the first delivery. */
  readonly attempt: number;
}

export interface Group {
  /** The processor's name: checkpoint, metric label and dead-letter name. */
  readonly name: string;
  readonly categories: readonly Category[];
  readonly wakesOn: readonly AnyEvent['type'][];
  /** Wakes handled at one time; a handler that waits pauses consumption at this bound. */
  readonly concurrencyMax: number;
  readonly attemptsMax: number;
  /** The word that labels the metric and the log line of this unit of work. */
  handle(wake: Wake, signal: AbortSignal): Promise<string>;
}

export interface GroupLag {
  readonly group: string;
  readonly checkpoint: Position;
  readonly head: Position;
  readonly parked: number;
}

export interface EventBus {
  /** Runs the group until the signal aborts; then finishes what is being handled and returns. */
  run(group: Group, signal: AbortSignal): Promise<void>;
  parked(group?: string): Promise<readonly ParkedWake[]>;
  /** Rings a parked wake again; false when there is no such wake. */
  retryParked(group: string, stream: StreamName, revision: number): Promise<boolean>;
  lag(): Promise<readonly GroupLag[]>;
}
