/**
 * The newest part of the log, read once for all subscribers of the process.
 *
 *     ... ──(pages from SQL)──► floor ──(ring: entries held here)──► head
 *
 * The ring holds every event between floor and head. It grows in two ways: by what this process
 * appends, at once and without reading, if nothing of another process lies between; and by
 * polling, for what other processes append. A subscriber behind the floor reads pages of its own.
 */
import type { AnyEvent } from '../../../contracts/events/all.js';
import type { RecordedEvent } from '../../../contracts/events/envelope.js';
import type { Codec, LogRow, StoreLog } from '../codec.js';
import { batchOf, entryAt, entryOf } from '../entries.js';
import type { FollowedLog } from '../follow.js';
import type { LogBatch, LogFilter, Position } from '../port.js';
import type { LogReader } from './log-reader.js';
import { createPoller } from './poller.js';
import { createRing } from '../ring.js';

interface Tail extends FollowedLog {
  /** This process appended rows right behind `previous`. */
  landed(previous: Position, rows: () => readonly LogRow[]): void;
  /** This process appended, and does not know what lies between. */
  moved(): void;
  /** Read from the log itself. */
  page(after: Position, limit: number, filter: LogFilter): Promise<LogBatch>;
  /** The row's event; one that the ring has is decoded once for everybody. */
  eventOf(row: LogRow): RecordedEvent<AnyEvent> | undefined;
  close(): void;
  readonly stats: TailStats;
}

export interface TailStats {
  readonly subscribers: number;
  readonly polls: number;
  /** Events that reached the ring without being read, and those that were read. */
  readonly fed: number;
  readonly read: number;
  readonly ringEvents: number;
}

const POLL_EVENTS_MAX = 1000;

export function createTail(reader: LogReader, codec: Codec, log: StoreLog): Tail {
  const ring = createRing();
  const bells = new Set<() => void>();
  const stats = { fed: 0, read: 0 };
  let closed = false;

  const wakeAll = (): void => bells.forEach((ring) => ring());

  function add(rows: readonly LogRow[]): number {
    const fresh = rows.filter(({ position }) => position > ring.head);
    for (const row of fresh) ring.push(entryOf(codec, row));
    if (fresh.length > 0) wakeAll();
    return fresh.length;
  }

  async function poll() {
    if (!ring.open) {
      ring.start(await reader.head());
      wakeAll(); // Whoever waits read the log before the ring began, and may lie behind it.
    }
    const { rows } = await reader.page(ring.head, POLL_EVENTS_MAX, {});
    const added = add(rows);
    stats.read += added;
    if (rows.length === POLL_EVENTS_MAX) return 'more';
    return added > 0 ? 'some' : 'nothing';
  }

  const wanted = () => bells.size > 0 && !closed;
  const poller = createPoller(log, { wanted, poll, stopped: () => ring.stop() });

  const page = (after: Position, limit: number, filter: LogFilter) =>
    readPage(reader, codec, after, limit, filter);

  return {
    join(wake) {
      bells.add(wake);
      poller.start();
      return () => {
        bells.delete(wake);
        if (bells.size === 0) poller.now();
      };
    },
    read: (after, limit, filter) =>
      ring.covers(after)
        ? batchOf(ring.entries, after, ring.head, limit, filter)
        : page(after, limit, filter),
    page,
    eventOf: (row) => (entryAt(ring.entries, row.position) ?? entryOf(codec, row)).event(),
    landed(previous, rows) {
      if (!ring.open) return;
      if (previous > ring.head) return poller.now();
      const added = add(rows());
      stats.fed += added;
      if (added === 0) poller.foundOwn();
    },
    moved: () => poller.now(),
    close() {
      closed = true;
      poller.now();
      wakeAll();
    },
    get closed() {
      return closed;
    },
    get stats() {
      const ringEvents = ring.entries.length;
      return { ...stats, polls: poller.polls, subscribers: bells.size, ringEvents };
    },
  };
}

async function readPage(
  reader: LogReader,
  codec: Codec,
  after: Position,
  limit: number,
  filter: LogFilter,
): Promise<LogBatch> {
  const { rows, position, head } = await reader.page(after, limit, filter);
  const entries = rows.map((row) => entryOf(codec, row));
  const batch = batchOf(entries, after, position, limit, filter);
  return { ...batch, caughtUp: batch.caughtUp && batch.position >= head };
}
