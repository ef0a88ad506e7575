/** The endless read of a log that notifies its readers: every `subscribe` of a process is one. */
import { performance } from 'node:perf_hooks';
import { createSignal } from '../concurrency/signal.js';
import { StoreUnavailable, type LogBatch, type LogFilter, type Position } from './port.js';

export interface SubscribedLog {
  /** Notifies whenever events were added, and when the log is closed; answers how to leave. */
  join(notify: () => void): () => void;
  read(after: Position, limit: number, filter: LogFilter): LogBatch | Promise<LogBatch>;
  readonly closed: boolean;
}

const BATCH_EVENTS_MAX = 500;

/** How long a reader whose filter passes nothing waits for a new position to save. */
const PROGRESS_MS = 500;

const OUTAGE_PAUSE_MS = 250;

/**
 * Outlives outages. Yields batches with events, and empty ones when the reader has caught up and
 * the last batch did not say so, or has come further through events that its filter left out.
 */
export async function* subscribeTo(
  log: SubscribedLog,
  after: Position,
  filter: LogFilter,
  signal: AbortSignal,
): AsyncGenerator<LogBatch, void, undefined> {
  const changed = createSignal();
  const leave = log.join(changed.notify);
  signal.addEventListener('abort', changed.notify);
  let yielded = { position: after, caughtUp: false, at: performance.now() };
  let position = after;
  try {
    while (!signal.aborted && !log.closed) {
      const batch = await readable(log, position, filter);
      if (signal.aborted) return;
      if (!batch) {
        await changed.wait(OUTAGE_PAUSE_MS);
        continue;
      }
      position = batch.position;
      const progressDueMs = yielded.at + PROGRESS_MS - performance.now();
      const progress = position > yielded.position && progressDueMs <= 0;
      const hasAny = batch.events.length > 0 || batch.unknown !== undefined;
      if (hasAny || progress || (batch.caughtUp && !yielded.caughtUp)) {
        yield batch;
        yielded = { position, caughtUp: batch.caughtUp, at: performance.now() };
      } else if (batch.caughtUp) {
        await changed.wait(position > yielded.position ? progressDueMs : undefined);
      }
    }
  } finally {
    signal.removeEventListener('abort', changed.notify);
    leave();
  }
}

/** Undefined while the store is away. */
async function readable(
  log: SubscribedLog,
  after: Position,
  filter: LogFilter,
): Promise<LogBatch | undefined> {
  try {
    return await log.read(after, BATCH_EVENTS_MAX, filter);
  } catch (error) {
    if (error instanceof StoreUnavailable) return undefined;
    throw error;
  }
}
