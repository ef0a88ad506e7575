/**
 * Reading streams and the log. A page is one plain read; a subscription goes through a part of the
 * log only where such a read finds nothing for a while, as its checkpoints say how far it has come:
 *
 *   read ──rows, or the end──► page
 *    └─ half a second without a row ──► walk through the server's own events ──► page
 *                                        └─ no stretch of them ──► scan for what the filter passes
 */
import { performance } from 'node:perf_hooks';
import { createSemaphore } from '../../concurrency/semaphore.js';
import type { LogRow } from '../codec.js';
import type { LogPage, LogReader, Place } from '../log-reader.js';
import { rowsAt } from '../rows-at.js';
import { NoSuchPosition, START, StoreUnavailable, type LogFilter, type Position } from '../port.js';
import type { LogClient, ServerFilter } from './log-client.js';
import type { LogEnd } from './log-end.js';
import { POSITION_MAX } from './messages.js';
import { openQuietStretches, type QuietStretches } from './quiet-stretches.js';
import { collectRows, endOf, isOurs, logRead, readPiece, ReadRefused } from './read-calls.js';

/**
 * Streams that are read at once. A backlog of handlers would ask for hundreds; those that are not
 * answered in time would be asked for again: work for nothing when there is least to spare.
 * A server takes 100 calls on a connection: with the pages, what follows the log and what asks for
 * its end, there are fewer.
 */
const STREAMS_MAX = 64;
const PAGES_MAX = 16;

/** A page that brought nothing for so long may be in front of a long stretch of others' events. */
const QUIET_MS = 500;

/** So long one page looks for what a filter passes; then it is as long as it is. */
const SCAN_MS = 1_000;

/** The server may have to go through millions of its own events, and says nothing meanwhile. */
const NEWEST_MS = 60_000;

const UNANSWERED = 'the event store did not answer in time';

interface Reading {
  readonly client: LogClient;
  readonly end: LogEnd;
  readonly stretches: QuietStretches;
  /** Nobody waits longer for the next event, or for an answer. */
  readonly timeoutMs: number;
}

/**
 * Leaves out the server's own events. Of a filter's types it also answers those that only begin
 * like one of them.
 */
export function createLogReader(client: LogClient, end: LogEnd, timeoutMs: number): LogReader {
  const stretches = openQuietStretches({ client, end, timeoutMs });
  const reading = { client, end, stretches, timeoutMs };
  const streams = createSemaphore(STREAMS_MAX, Infinity);
  const pages = createSemaphore(PAGES_MAX, Infinity);

  async function within<T>(permits: typeof pages, work: (leftMs: number) => Promise<T>) {
    const deadline = performance.now() + timeoutMs;
    if (!(await permits.acquire(0, deadline)))
      throw new StoreUnavailable('too many reads wait for the event store');
    try {
      return await work(deadline - performance.now());
    } finally {
      permits.release(0);
    }
  }

  async function page(after: Position, limit: number, filter: LogFilter): Promise<LogPage> {
    // Everything up to here was there before the page is read.
    const known = end.known;
    const wanted = serverFilter(filter);
    if (wanted.streamPrefixes?.length === 0 || wanted.typePrefixes?.length === 0)
      return { rows: [], position: later(after, known), caughtUp: true };
    const { to, next = to } = stretches.behind(after);
    const asked = { from: to, at: next, limit, wanted, known };
    try {
      const read = () => within(pages, () => readPage(reading, asked, QUIET_MS));
      return (stretches.isWalked(to) ? undefined : await read()) ?? (await pass(reading, asked));
    } catch (error) {
      if (!(error instanceof ReadRefused)) throw error;
      return refusedPage(reading, asked, error);
    }
  }

  return outagesOf({
    async stream(stream, { fromRevision, direction = 'forward', limit }) {
      const backward = direction === 'backward';
      if (limit !== undefined && limit <= 0) return [];
      if (backward && fromRevision !== undefined && fromRevision < 0) return [];
      const from = fromRevision === undefined ? undefined : Math.max(0, fromRevision);
      const range = { stream, from: from ?? (backward ? 'end' : 0), backward, limit } as const;
      const rowsMax = limit ?? Infinity;
      return within(streams, (leftMs) =>
        collectRows({ start: (row) => client.readStream(range, row), rowsMax }, leftMs),
      );
    },

    page,

    at: (places) => rowsAt(page, places),

    head: () => end.head(),

    place: (position) => placeOf(reading, position),

    async newest(limit) {
      // A server that is away is found out here.
      if (limit <= 0 || (await end.head()) < 0n) return [];
      const range = { from: 'end', limit, filter: {} } as const;
      const rows = await collectRows(logRead(client, range), NEWEST_MS);
      return rows.filter(isOurs).slice(0, limit).reverse();
    },
  });
}

/**
 * What is asked is always right. So a server that refuses it has taken the user's rights or changed
 * its password, or is no server of ours: the same question may be answered once that is mended.
 */
function outagesOf(reader: LogReader): LogReader {
  const outage = (error: unknown): never => {
    throw error instanceof ReadRefused ? new StoreUnavailable(error.message, error) : error;
  };
  return {
    stream: (...asked) => reader.stream(...asked).catch(outage),
    page: (...asked) => reader.page(...asked).catch(outage),
    at: (places) => reader.at(places).catch(outage),
    newest: (limit) => reader.newest(limit).catch(outage),
    head: () => reader.head().catch(outage),
    place: (position) => reader.place(position).catch(outage),
  };
}

/** The server looks through names alone, and by one kind of name; readers sort out the rest. */
const serverFilter = ({ categories, types }: LogFilter): ServerFilter => {
  if (categories) return { streamPrefixes: categories.map((category) => `${category}-`) };
  return types ? { typePrefixes: types } : {};
};

const isFiltered = ({ streamPrefixes, typePrefixes }: ServerFilter): boolean =>
  streamPrefixes !== undefined || typePrefixes !== undefined;

interface Asked {
  /** Behind it; it is read from `at` on, before which there is nothing of ours. */
  readonly from: Position;
  readonly at: Position;
  readonly limit: number;
  readonly wanted: ServerFilter;
  readonly known: Position;
}

/** Undefined when nothing came for so long; then it may take much longer. */
async function readPage(
  { client, timeoutMs }: Reading,
  { from, at, limit, wanted, known }: Asked,
  quietMs: number,
): Promise<LogPage | undefined> {
  // The event at `from` may come again, and one more than wanted shows whether the log goes on.
  const range = { from: at, limit: limit + 2, filter: wanted };
  const patience = { quietMs, timeoutMs };
  const piece = await readPiece(logRead(client, range), patience);
  const rows = piece.rows.filter((row) => row.position > from && isOurs(row));
  if (rows.length > limit) return cut(rows, limit);
  const last = later(from, piece.rows.at(-1)?.position ?? from);
  if (piece.isWhole && piece.rows.length < range.limit) {
    // Without a filter a page has no reason to be further than its last event.
    const position = isFiltered(wanted) ? later(last, known) : last;
    return { rows, position, caughtUp: true };
  }
  return last > from ? { rows, position: last, caughtUp: false } : undefined;
}

/** What a plain read would find only after a long while. */
async function pass(reading: Reading, asked: Asked): Promise<LogPage> {
  const { end, stretches, timeoutMs } = reading;
  const { to, next } = await stretches.walk(asked.from);
  if (next === undefined && to > asked.from) return { rows: [], position: to, caughtUp: false };
  const left = { ...asked, from: to, at: next ?? to };
  if (isFiltered(asked.wanted)) {
    const head = await end.head();
    if (to >= head) return { rows: [], position: to, caughtUp: true };
    return scan(reading, left, head);
  }
  // Events of ours come next, perhaps from a server that is slow.
  const page =
    (await readPage(reading, left, QUIET_MS)) ?? (await readPage(reading, left, timeoutMs));
  if (!page) throw new StoreUnavailable(UNANSWERED);
  return page;
}

/** With a filter: a short subscription, whose checkpoints say how far it has come. */
async function scan(
  { client, timeoutMs }: Reading,
  { from, limit, wanted }: Asked,
  head: Position,
): Promise<LogPage> {
  const rows: LogRow[] = [];
  let known = from;
  let heard = 0;
  const reach = (position: Position) => {
    heard++;
    known = later(known, position);
    if (known >= head || rows.length > limit) call.cancel();
  };
  const call = client.follow(from, wanted, {
    row(row) {
      if (rows.length > limit) return;
      if (isOurs(row)) rows.push(row);
      reach(row.position);
    },
    checkpoint: reach,
    // The only word about the end when the filter passes nothing there.
    caughtUp: () => reach(head),
  });
  const enough = setTimeout(() => heard > 0 && call.cancel(), SCAN_MS);
  const ending = await endOf(call, () => heard, timeoutMs);
  clearTimeout(enough);
  if (ending.kind === 'refused') throw new ReadRefused(ending.reason);
  if (ending.kind !== 'done' && heard === 0) throw new StoreUnavailable(ending.reason);
  if (rows.length > limit) return cut(rows, limit);
  return { rows, position: known, caughtUp: known >= head };
}

/** A page whose position the server does not take is behind the end, or of another log. */
async function refusedPage(
  reading: Reading,
  { from }: Asked,
  refused: ReadRefused,
): Promise<LogPage> {
  const place = await placeOf(reading, from);
  if (place === 'behind') return { rows: [], position: from, caughtUp: true };
  if (place === 'between') throw new NoSuchPosition(from);
  // The server could not do it a moment ago; it is asked again like one that is away.
  throw refused.isFailure ? new StoreUnavailable(refused.message) : refused;
}

async function placeOf({ client, end, timeoutMs }: Reading, position: Position): Promise<Place> {
  if (position < 0n) return 'event';
  const { newest } = await end.lookBack(POSITION_MAX);
  if (position >= newest) return position === newest ? 'event' : 'behind';
  const range = { from: position, limit: 1, filter: 'everything' } as const;
  try {
    const patience = { quietMs: timeoutMs, timeoutMs };
    const { rows, isWhole } = await readPiece(logRead(client, range), patience);
    if (!isWhole && rows.length === 0) throw new StoreUnavailable(UNANSWERED);
    return 'event';
  } catch (error) {
    if (error instanceof ReadRefused) return 'between';
    throw error;
  }
}

function cut(rows: readonly LogRow[], limit: number): LogPage {
  const kept = rows.slice(0, limit);
  return { rows: kept, position: kept.at(-1)?.position ?? START, caughtUp: false };
}

const later = (one: Position, other: Position): Position => (one > other ? one : other);
