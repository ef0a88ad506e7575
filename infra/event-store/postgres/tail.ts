/**
 * The newest part of the log, read once for all subscribers of the process.
 *
 *     ... ──(pages from SQL)──► floor ──(ring: entries held here)──► head
 *
 * The ring holds every event between floor and head. It grows in two ways: by what this process
 * appends, at once and without reading, if nothing of another process lies between; and by
 * polling, for what other processes append. A subscriber behind the floor reads pages of its own.
 */
import type { Codec, LogRow, StoreLog } from '../codec.js';
import { createBell } from '../bell.js';
import { batchOf, entryOf } from '../entries.js';
import type { FollowedLog } from '../follow.js';
import type { LogBatch, LogFilter, Position } from '../port.js';
import type { LogReader } from './log-reader.js';
import { createRing } from './ring.js';

export interface Tail extends FollowedLog {
  /** This process appended rows right behind `previous`. */
  landed(previous: Position, rows: () => readonly LogRow[]): void;
  /** This process appended, and does not know what lies between. */
  moved(): void;
  /** Read from the log itself. */
  page(after: Position, limit: number, filter: LogFilter): Promise<LogBatch>;
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

/** Other processes' events are seen this late at most; an idle poll is one look at an index. */
const POLL_IDLE_MS = 100;
const POLL_BUSY_MS = 10;
const POLL_GROWTH = 1.5;
const OUTAGE_PAUSE_MS = 250;

export function createTail(reader: LogReader, codec: Codec, log: StoreLog): Tail {
  const ring = createRing();
  const nudge = createBell();
  const bells = new Set<() => void>();
  const stats = { polls: 0, fed: 0, read: 0 };
  let polling: Promise<void> | undefined;
  let pollMs = POLL_IDLE_MS;
  let closed = false;

  function wakeAll(): void {
    for (const wake of bells) wake();
  }

  function add(rows: readonly LogRow[]): number {
    const fresh = rows.filter(({ position }) => position > ring.head);
    for (const row of fresh) ring.push(entryOf(codec, row));
    if (fresh.length > 0) wakeAll();
    return fresh.length;
  }

  /** Whoever waits read the log before the ring began, and may lie behind it. */
  async function open(): Promise<void> {
    ring.start(await reader.head());
    wakeAll();
  }

  async function poll(): Promise<void> {
    let away = false;
    while (bells.size > 0 && !closed) {
      try {
        if (!ring.open) await open();
        const page = await reader.page(ring.head, POLL_EVENTS_MAX, {});
        stats.polls++;
        const added = add(page.rows);
        stats.read += added;
        if (away) log.warn({}, 'the log can be followed again');
        away = false;
        if (page.rows.length === POLL_EVENTS_MAX) continue;
        pollMs = added > 0 ? POLL_BUSY_MS : Math.min(POLL_IDLE_MS, pollMs * POLL_GROWTH);
      } catch (error) {
        if (!away) log.warn({ error: String(error) }, 'the log cannot be followed for now');
        away = true;
        pollMs = OUTAGE_PAUSE_MS;
      }
      await nudge.wait(pollMs);
    }
    ring.stop();
    polling = undefined;
  }

  async function page(after: Position, limit: number, filter: LogFilter): Promise<LogBatch> {
    const { rows, position, head } = await reader.page(after, limit, filter);
    const entries = rows.map((row) => entryOf(codec, row));
    const batch = batchOf(entries, after, position, limit, filter);
    return { ...batch, caughtUp: batch.caughtUp && batch.position >= head };
  }

  return {
    join(wake) {
      bells.add(wake);
      polling ??= poll();
      return () => {
        bells.delete(wake);
        if (bells.size === 0) nudge.ring();
      };
    },

    read(after, limit, filter) {
      if (ring.covers(after)) return batchOf(ring.entries, after, ring.head, limit, filter);
      return page(after, limit, filter);
    },

    landed(previous, rows) {
      if (!ring.open) return;
      if (previous > ring.head) return nudge.ring();
      const added = add(rows());
      stats.fed += added;
      // The poll had seen these already: it found our own, and nobody else is known to append.
      if (added === 0) pollMs = POLL_IDLE_MS;
    },
    moved: nudge.ring,
    page,

    close() {
      closed = true;
      nudge.ring();
      wakeAll();
    },
    get closed() {
      return closed;
    },
    get stats() {
      return { ...stats, subscribers: bells.size, ringEvents: ring.entries.length };
    },
  };
}
