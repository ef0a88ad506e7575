/** Reading streams and the log: a question is asked again through short outages, never for long. */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { LogRow } from '../codec.js';
import type { LogPage, LogReader } from '../log-reader.js';
import { START, StoreUnavailable, type LogFilter, type Position } from '../port.js';
import type { Call, LogClient, ServerFilter } from './log-client.js';
import { createSemaphore } from '../../concurrency/semaphore.js';

const RETRY_PAUSE_MS = 50;

/**
 * Streams that are read at once. A backlog of handlers would ask for hundreds; those that are not
 * answered in time would be asked for again: work for nothing when there is least to spare.
 */
const STREAMS_MAX = 64;

/** So long one page looks for what a filter passes; then it is as long as it is. */
const SCAN_MS = 1_000;

/**
 * Leaves out the server's own events. Of a filter's types it also answers those that only begin
 * like one of them. `timeoutMs`: nobody waits longer for the next event, or for an answer.
 */
export function createLogReader(client: LogClient, timeoutMs: number): LogReader {
  const collect = (start: Start) => collectRows(start, timeoutMs);
  const streams = createSemaphore(STREAMS_MAX, Infinity);

  async function newest(limit: number): Promise<readonly LogRow[]> {
    // A server that does not leave its own events out of such a page is asked for a longer one.
    for (let count = limit; ; count *= 8) {
      const rows = await collect((row) => client.readLog('end', count, row));
      const ours = rows.filter(isOurs).slice(0, limit);
      if (ours.length === limit || rows.length < count) return ours.reverse();
    }
  }
  const head = async () => (await newest(1))[0]?.position ?? START;

  /** Without a filter: pages of the log itself. */
  async function read(after: Position, limit: number): Promise<LogPage> {
    const rows: LogRow[] = [];
    // The event at `after` comes again, and one more than wanted shows whether the log goes on.
    for (let from = after; ;) {
      const count = limit - rows.length + 2;
      const found = await collect((row) => client.readLog(from, count, row));
      const last = found.at(-1);
      rows.push(...found.filter((row) => row.position > from && isOurs(row)));
      if (rows.length > limit) return cut(rows, limit);
      if (found.length < count || !last)
        return { rows, position: rows.at(-1)?.position ?? after, caughtUp: true };
      from = last.position;
    }
  }

  return {
    async stream(stream, { fromRevision, direction = 'forward', limit }) {
      const backward = direction === 'backward';
      if (limit !== undefined && limit <= 0) return [];
      if (backward && fromRevision !== undefined && fromRevision < 0) return [];
      const from = fromRevision === undefined ? undefined : Math.max(0, fromRevision);
      const range = { stream, from: from ?? (backward ? 'end' : 0), backward, limit } as const;
      const deadline = performance.now() + timeoutMs;
      if (!(await streams.acquire(0, deadline)))
        throw new StoreUnavailable('too many reads wait for the event store');
      try {
        const start: Start = (row) => client.readStream(range, row);
        return await collectRows(start, deadline - performance.now());
      } finally {
        streams.release(0);
      }
    },

    async page(after, limit, filter) {
      if (!filter.categories && !filter.types) {
        try {
          return await read(after, limit);
        } catch (error) {
          // A server may refuse a position behind the end of its log.
          if (!(error instanceof ReadRefused) || after < (await head())) throw error;
          return { rows: [], position: after, caughtUp: true };
        }
      }
      const end = await head();
      if (after >= end) return { rows: [], position: after, caughtUp: true };
      return scan(client, { after, end, limit, filter: serverFilter(filter), timeoutMs });
    },

    head,
    newest,
  };
}

type Start = (row: (row: LogRow) => void) => Call;

/** All rows of a call, once it is done. */
async function collectRows(start: Start, timeoutMs: number): Promise<LogRow[]> {
  let deadline = performance.now() + timeoutMs;
  for (;;) {
    const rows: LogRow[] = [];
    const call = start((row) => void rows.push(row));
    const ending = await endOf(call, () => rows.length, deadline - performance.now());
    if (ending.kind === 'done') return rows;
    if (ending.kind === 'refused') throw new ReadRefused(ending.reason);
    if (rows.length > 0) deadline = performance.now() + timeoutMs;
    if (performance.now() + RETRY_PAUSE_MS > deadline) throw new StoreUnavailable(ending.reason);
    await pause(RETRY_PAUSE_MS);
  }
}

/** The server understood the question, and does not answer it. */
class ReadRefused extends Error {}

const isOurs = ({ type }: LogRow): boolean => !type.startsWith('$');

/** The server looks through names alone, and by one kind of name; readers sort out the rest. */
const serverFilter = ({ categories, types }: LogFilter): ServerFilter =>
  categories
    ? { streamPrefixes: categories.map((category) => `${category}-`) }
    : { typePrefixes: types ?? [] };

interface Scan {
  readonly after: Position;
  /** The head of the log before the scan began. */
  readonly end: Position;
  readonly limit: number;
  readonly filter: ServerFilter;
  readonly timeoutMs: number;
}

/** With a filter: a short subscription, whose checkpoints say how far it has come. */
async function scan(client: LogClient, asked: Scan): Promise<LogPage> {
  const { after, end, limit, filter, timeoutMs } = asked;
  if (filter.streamPrefixes?.length === 0 || filter.typePrefixes?.length === 0)
    return { rows: [], position: end, caughtUp: true };
  const rows: LogRow[] = [];
  let known = after;
  let heard = 0;
  const reach = (position: Position) => {
    heard++;
    if (position > known) known = position;
    if (known >= end || rows.length > limit) call.cancel();
  };
  const call = client.follow(after, filter, {
    row(row) {
      if (rows.length > limit) return;
      if (isOurs(row)) rows.push(row);
      reach(row.position);
    },
    checkpoint: reach,
    caughtUp: () => reach(end),
  });
  const enough = setTimeout(() => heard > 0 && call.cancel(), SCAN_MS);
  const ending = await endOf(call, () => heard, timeoutMs);
  clearTimeout(enough);
  if (ending.kind === 'refused') throw new ReadRefused(ending.reason);
  if (ending.kind === 'away' && heard === 0) throw new StoreUnavailable(ending.reason);
  if (rows.length > limit) return cut(rows, limit);
  if (known < end) return { rows, position: known, caughtUp: false };
  // A checkpoint may be at one of the server's own events, where no reader without a filter comes.
  const last = rows.at(-1)?.position ?? end;
  return { rows, position: last > end ? last : end, caughtUp: true };
}

function cut(rows: readonly LogRow[], limit: number): LogPage {
  const kept = rows.slice(0, limit);
  return { rows: kept, position: kept.at(-1)?.position ?? START, caughtUp: false };
}

/** The call's ending, or `away` when nothing new was heard for so long. */
async function endOf(call: Call, heard: () => number, timeoutMs: number) {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<{ readonly kind: 'away'; readonly reason: string }>((resolve) => {
    let before = 0;
    const look = () => {
      if (heard() === before)
        resolve({ kind: 'away', reason: 'the event store did not answer in time' });
      before = heard();
      timer = setTimeout(look, timeoutMs);
    };
    timer = setTimeout(look, timeoutMs);
  });
  const ending = await Promise.race([call.ended, silence]);
  clearTimeout(timer);
  if (ending.kind === 'away') call.cancel();
  return ending;
}
