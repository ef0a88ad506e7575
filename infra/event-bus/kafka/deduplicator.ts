/**
 * Stands before a group's dispatcher and drops duplicates: Kafka delivers notifications in any
 * order and more than once, and the reconciliation delivers those that Kafka lost. A notification
 * that is in flight or known to be processed is not dispatched again.
 */
import type { Position } from '../../event-store/port.js';
import type { KeyDispatcher } from '../key-dispatcher.js';
import type { EventNotification } from '../port.js';
import type { ProcessedRecorder } from './processed-positions.js';

export interface Deduplicator {
  /** `done` is called once the notification is processed, which may be at once. */
  deliver(notification: EventNotification, done: () => void): void;
  /**
   * For the reconciliation, which found no record of the notification. False when it is in flight,
   * or at or below the low watermark; one that this process handled is dispatched again, since the
   * record of that was lost.
   */
  redeliver(notification: EventNotification): boolean;
  /** The dispatcher processed it. */
  processed(position: Position): void;
  /** The members of the group together processed everything at and below it. */
  advanceTo(position: Position): void;
}

interface DeduplicatorOptions {
  readonly dispatcher: () => Pick<KeyDispatcher, 'dispatch'>;
  readonly recorder: ProcessedRecorder;
  /** Everything at and below it was processed before. */
  readonly after: Position;
}

export function openDeduplicator({
  dispatcher,
  recorder,
  after,
}: DeduplicatorOptions): Deduplicator {
  let lowWatermark = after;
  /** What to call when each is processed; empty for one that the reconciliation delivered. */
  const inFlight = new Map<Position, (() => void)[]>();
  const isProcessed = (position: Position) => position <= lowWatermark || recorder.has(position);
  return {
    deliver: (notification, done) => {
      const waiting = inFlight.get(notification.position);
      if (waiting) waiting.push(done);
      else if (isProcessed(notification.position)) done();
      else {
        inFlight.set(notification.position, [done]);
        dispatcher().dispatch(notification);
      }
    },
    redeliver: (notification) => {
      const { position } = notification;
      if (inFlight.has(position) || position <= lowWatermark) return false;
      inFlight.set(position, []);
      dispatcher().dispatch(notification);
      return true;
    },
    processed: (position) => {
      const waiting = inFlight.get(position);
      if (!waiting) return; // a redriven dead letter
      inFlight.delete(position);
      recorder.add(position);
      for (const done of waiting) done();
    },
    advanceTo: (position) => {
      if (position > lowWatermark) lowWatermark = position;
    },
  };
}
