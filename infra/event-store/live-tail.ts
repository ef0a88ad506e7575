/**
 * The newest part of the log, read once for all subscriptions of the process.
 *
 *     … ──(pages of the log)──► floor ──(ring buffer: decoded rows)──► head ◄── source, own appends
 *
 * The buffer holds every event between floor and head. It grows in two ways: by the events that
 * this process appends, at once and without reading them, if nothing of another process lies
 * between; and by the rows of its source, a poll of the log or a push from the server.
 *
 * The buffer is bounded, so a slow subscription slows no other and not the source: one that falls
 * behind the floor is a catch-up subscription, which reads pages of its own until it is back.
 */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { StreamName } from '../../contracts/streams.js';
import { createSignal } from '../concurrency/signal.js';
import type { Codec, LogRow, StoreLog } from './codec.js';
import { batchOf, decodedRow, recentRows, rowAt } from './decoded-rows.js';
import type { LogReader } from './log-reader.js';
import type { LogBatch, LogFilter, Position, ReadStreamOptions } from './port.js';
import { createRingBuffer } from './ring-buffer.js';
import type { SubscribedLog } from './subscription.js';

export interface TailSource {
  /**
   * Brings the rows behind the feed's head: those of one poll, or those of a subscription until it
   * ends. Resolves with the time to wait before the next run. Rejects when the log is away.
   */
  run(feed: TailFeed): Promise<number>;
  /** Ends a run that has no end of its own: nobody subscribes any more. */
  stop(): void;
}

export interface TailFeed {
  /** Where the buffer ends; it begins at the head of the log. */
  head(): Promise<Position>;
  /** Rows in position order; answers how many of them were new. */
  add(rows: readonly LogRow[]): number;
  /** There is nothing of ours between the feed's head and this position. */
  reach(position: Position): void;
  /**
   * Whether the source brings every append from now on. Until then a subscription that has come to
   * the end of the buffer reads pages, and is not caught up before such a page says so.
   */
  setLive(isLive: boolean): void;
}

interface LiveTail extends SubscribedLog {
  /**
   * This process appended rows right behind `previous`. Answers how many of them the source had
   * not brought yet; undefined when other rows lie between, which the source must bring.
   */
  landed(previous: Position, rows: () => readonly LogRow[]): number | undefined;
  /** This process appended, and does not know what lies between: the source looks at once. */
  refresh(): void;
  /** Read from the log itself. */
  page(after: Position, limit: number, filter: LogFilter): Promise<LogBatch>;
  /** What is asked for of a stream, where the newest of the buffer has all of it. */
  recent(stream: StreamName, options: ReadStreamOptions): RecordedEvent<AnyEvent>[] | undefined;
  /** The rows' events; those in the buffer are decoded once for everybody. */
  eventsOf(rows: readonly LogRow[]): RecordedEvent<AnyEvent>[];
  close(): void;
  readonly stats: TailStats;
}

export interface TailStats {
  readonly subscribers: number;
  /** Polls of the log, or subscriptions to it. */
  readonly runs: number;
  /** Events that reached the buffer without being read, and those that the source brought. */
  readonly fed: number;
  readonly read: number;
  readonly bufferedEvents: number;
}

interface LiveTailOptions {
  readonly reader: LogReader;
  readonly source: TailSource;
  readonly codec: Codec;
  readonly log: StoreLog;
}

const OUTAGE_PAUSE_MS = 250;

/** While the source catches up, each notification may cost every subscription a page. */
const CATCHING_UP_MS = 100;

export function createLiveTail({ reader, source, codec, log }: LiveTailOptions): LiveTail {
  const subscribers = new Set<() => void>();
  const changed = createSignal();
  const reportOutage = outageReport(log);
  const notifyAll = () => subscribers.forEach((notify) => notify());
  const fed = createFedBuffer(reader, codec, {
    onFed: notifyAll,
    onRead: seldom(notifyAll),
    onGap: changed.notify,
    onLive(begins) {
      reportOutage(undefined);
      // A subscription that waits has read the log before, and may be behind the buffer.
      if (begins) notifyAll();
    },
  });
  const page = pagesOf(reader, codec);
  let [isRunning, closed, runs] = [false, false, 0];

  const isWanted = () => subscribers.size > 0 && !closed;
  async function run(): Promise<void> {
    isRunning = true;
    while (isWanted()) {
      let waitMs = OUTAGE_PAUSE_MS;
      runs++;
      try {
        waitMs = await source.run(fed.feed);
      } catch (error) {
        reportOutage(String(error));
      }
      if (waitMs > 0) await changed.wait(waitMs);
    }
    isRunning = false;
    fed.close();
  }

  function stopUnlessWanted(): void {
    if (isWanted()) return;
    source.stop();
    changed.notify();
  }

  return {
    join(notify) {
      subscribers.add(notify);
      if (!isRunning) void run();
      return () => {
        subscribers.delete(notify);
        stopUnlessWanted();
      };
    },
    read: (...asked) => fed.batch(...asked) ?? page(...asked),
    page,
    recent: (...asked) => fed.recent(...asked),
    eventsOf: (rows) => rows.flatMap((row) => fed.eventOf(row) ?? []),
    landed: (previous, rows) => fed.landed(previous, rows),
    refresh: changed.notify,
    close() {
      closed = true;
      stopUnlessWanted();
      notifyAll();
    },
    get closed() {
      return closed;
    },
    get stats() {
      return { ...fed.stats, runs, subscribers: subscribers.size };
    },
  };
}

/** A source may bring events one by one: once a turn, and while it catches up once a pause. */
function seldom(notify: () => void): (isLive: boolean) => void {
  let isDue = false;
  const due = () => {
    isDue = false;
    notify();
  };
  return (isLive) => {
    if (isDue) return;
    isDue = true;
    if (isLive) setImmediate(due);
    else setTimeout(due, CATCHING_UP_MS).unref();
  };
}

interface FedBuffer {
  readonly feed: TailFeed;
  landed: LiveTail['landed'];
  /**
   * Undefined when the buffer begins behind `after`, or has nothing behind it and is not live: then
   * the log may go on without it.
   */
  batch(after: Position, limit: number, filter: LogFilter): LogBatch | undefined;
  recent: LiveTail['recent'];
  eventOf(row: LogRow): RecordedEvent<AnyEvent> | undefined;
  close(): void;
  readonly stats: Pick<TailStats, 'fed' | 'read' | 'bufferedEvents'>;
}

interface FedBufferHandlers {
  readonly onFed: () => void;
  readonly onRead: (isLive: boolean) => void;
  /** Rows of another process come before those that landed. */
  readonly onGap: () => void;
  /** `begins` when it was not live before. */
  readonly onLive: (begins: boolean) => void;
}

function createFedBuffer(reader: LogReader, codec: Codec, on: FedBufferHandlers): FedBuffer {
  const buffer = createRingBuffer();
  const stats = { fed: 0, read: 0 };
  let isLive = false;

  function add(rows: readonly LogRow[], by: 'fed' | 'read'): number {
    let added = 0;
    for (const row of rows) {
      if (row.position <= buffer.head) continue;
      buffer.push(decodedRow(codec, row));
      added++;
    }
    stats[by] += added;
    if (added > 0 && by === 'fed') on.onFed();
    else if (added > 0) on.onRead(isLive);
    return added;
  }

  return {
    feed: {
      async head() {
        if (!buffer.isOpen) buffer.open(await reader.head());
        return buffer.head;
      },
      add: (rows) => add(rows, 'read'),
      reach(position) {
        if (!buffer.isOpen || position <= buffer.head) return;
        buffer.reach(position);
        on.onRead(isLive);
      },
      setLive(live) {
        const begins = live && !isLive;
        isLive = live;
        if (live) on.onLive(begins);
      },
    },
    landed(previous, rows) {
      if (!buffer.isOpen) return undefined;
      if (previous <= buffer.head) return add(rows(), 'fed');
      on.onGap();
      return undefined;
    },
    batch(after, limit, filter) {
      if (!buffer.covers(after) || (!isLive && after >= buffer.head)) return undefined;
      const batch = batchOf(buffer.rows, after, buffer.head, limit, filter);
      return isLive ? batch : { ...batch, caughtUp: false };
    },
    recent(stream, { fromRevision: from = 0, direction, limit = Infinity, through }) {
      if (through === undefined || direction === 'backward') return undefined;
      if (through - from >= limit) return undefined;
      const found = recentRows(buffer.rows, stream, from, through);
      return found?.flatMap((decoded) => decoded.event() ?? []);
    },
    eventOf: (row) => (rowAt(buffer.rows, row.position) ?? decodedRow(codec, row)).event(),
    close() {
      isLive = false;
      buffer.close();
    },
    get stats() {
      return { ...stats, bufferedEvents: buffer.rows.length };
    },
  };
}

const pagesOf =
  (reader: LogReader, codec: Codec): LiveTail['page'] =>
  async (after, limit, filter) => {
    const { rows, position, caughtUp } = await reader.page(after, limit, filter);
    const decoded = rows.map((row) => decodedRow(codec, row));
    const batch = batchOf(decoded, after, position, limit, filter);
    return { ...batch, caughtUp: batch.caughtUp && caughtUp };
  };

/** Logs an outage once, and its end once. */
function outageReport(log: StoreLog): (error: string | undefined) => void {
  let isAway = false;
  return (error) => {
    if (error !== undefined && !isAway) log.warn({ error }, 'the log cannot be followed for now');
    if (error === undefined && isAway) log.warn({}, 'the log can be followed again');
    isAway = error !== undefined;
  };
}
