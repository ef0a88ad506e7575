/** Reads the log once, page by page, and shows every event to the auditors. */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { InvalidEvent } from '../../infra/event-store/codec.js';
import {
  START,
  StoreUnavailable,
  type EventStore,
  type LogBatch,
  type Position,
} from '../../infra/event-store/port.js';
import type { Findings } from '../findings.js';

export interface LogReading {
  readonly store: Pick<EventStore, 'readAll'>;
  /** The last position that is looked at. */
  readonly until: Position;
  readonly findings: Findings;
  readonly signal: AbortSignal;
  readonly see: (event: RecordedEvent<AnyEvent>) => void;
  /** Between pages. */
  readonly pause: () => Promise<void>;
}

const PAGE = 4_000;
const TRIES_MAX = 5;

export async function readWholeLog(reading: LogReading): Promise<void> {
  const { until, signal, see, pause } = reading;
  let after: Position = START;
  let next = pageAfter(reading, after);
  while (after < until) {
    signal.throwIfAborted();
    const { events, position } = await next;
    after = position > after ? position : until;
    // The database works on the next page while this one is looked at.
    if (after < until) next = handled(pageAfter(reading, after));
    for (const event of events) if (event.position <= until) see(event);
    await pause();
  }
}

/** The error of a page that is read ahead is thrown when the page is awaited. */
function handled(page: Promise<LogBatch>): Promise<LogBatch> {
  page.catch(() => undefined);
  return page;
}

async function pageAfter(reading: LogReading, after: Position): Promise<LogBatch> {
  for (let tries = 1; ; tries++)
    try {
      return await reading.store.readAll(after, PAGE);
    } catch (error) {
      if (error instanceof InvalidEvent) return readAround(reading, after);
      if (!(error instanceof StoreUnavailable) || tries === TRIES_MAX) throw error;
    }
}

/** A page with an event that cannot be read: up to it, and then from it on. */
async function readAround({ store, findings }: LogReading, after: Position): Promise<LogBatch> {
  for (let limit = PAGE >> 1; limit >= 1; limit >>= 1)
    try {
      return await store.readAll(after, limit);
    } catch (error) {
      if (!(error instanceof InvalidEvent) || error.position === undefined) throw error;
      if (limit > 1) continue;
      const { position, message } = error;
      findings.add('log', `position ${position}`, message);
      return { events: [], position, caughtUp: false };
    }
  throw new Error('a page has at least one event');
}
