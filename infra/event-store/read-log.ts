/** The log as it is followed from an old position: big batches while behind, then as it grows. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore, LogBatch, LogFilter, Position } from './port.js';

/** Behind: enough that a statement per table and batch costs nothing per event. */
export const CATCH_UP_EVENTS = 5_000;

/**
 * Caught up: the pause from batch to batch while events keep coming. An event that comes after a
 * silence is read at once; under load this many milliseconds of events share one transaction, and
 * what came and went within them never touches a table.
 */
const LINGER_MS = 20;

/** From behind `after`, for ever, until the signal aborts. */
export async function* readLog(
  store: EventStore,
  after: Position,
  signal: AbortSignal,
): AsyncGenerator<LogBatch, void, undefined> {
  let position = after;
  while (!signal.aborted) {
    for await (const batch of readToHead(store, position, CATCH_UP_EVENTS)) {
      position = batch.position;
      yield batch;
      if (signal.aborted) return;
    }
    for await (const batch of store.subscribe(position, {}, signal)) {
      const lingering = sleep(LINGER_MS);
      position = batch.position;
      yield batch;
      if (!batch.caughtUp) break;
      await lingering;
    }
  }
}

/** Up to the head, the next batch being read while the one before is worked on. */
export async function* readToHead(
  store: EventStore,
  after: Position,
  eventsMax: number,
  filter: LogFilter = {},
): AsyncGenerator<LogBatch, void, undefined> {
  let reading = store.readAll(after, eventsMax, filter);
  for (;;) {
    const batch = await reading;
    if (!batch.caughtUp) {
      reading = store.readAll(batch.position, eventsMax, filter);
      // Nobody awaits it when the reader stops here.
      reading.catch(() => undefined);
    }
    yield batch;
    if (batch.caughtUp) return;
  }
}
