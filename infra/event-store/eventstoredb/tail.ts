/**
 * The newest part of the log, followed once for all subscribers of the process.
 *
 *     ... ──(pages)──► floor ──(ring: entries held here)──► head ◄── one subscription to the log
 *
 * It tells straight into the ring, which is bounded, so a slow subscriber slows nobody down: one
 * that falls behind the floor reads pages of its own.
 */
import type { AnyEvent } from '../../../contracts/events/all.js';
import type { RecordedEvent } from '../../../contracts/events/envelope.js';
import type { Codec, LogRow, StoreLog } from '../codec.js';
import { batchOf, entryAt, entryOf } from '../entries.js';
import type { FollowedLog } from '../follow.js';
import type { LogBatch, LogFilter, Position } from '../port.js';
import { createRing } from '../ring.js';
import type { LogClient } from './log-client.js';
import type { LogReader } from './log-reader.js';
import { createPursuit } from './pursuit.js';

interface TailOptions {
  readonly client: LogClient;
  readonly reader: LogReader;
  readonly codec: Codec;
  readonly log: StoreLog;
}

interface Tail extends FollowedLog {
  /** Read from the log itself. */
  page(after: Position, limit: number, filter: LogFilter): Promise<LogBatch>;
  /** The row's event; one that the ring has is decoded once for everybody. */
  eventOf(row: LogRow): RecordedEvent<AnyEvent> | undefined;
  close(): void;
  readonly stats: TailStats;
}

export interface TailStats {
  readonly subscribers: number;
  /** Subscriptions that were begun, and events that they brought. */
  readonly subscriptions: number;
  readonly told: number;
  readonly ringEvents: number;
}

export function createTail({ client, reader, codec, log }: TailOptions): Tail {
  const ring = createRing();
  const bells = new Set<() => void>();
  let told = 0;
  let closed = false;

  const wakeAll = (): void => bells.forEach((ring) => ring());

  const pursuit = createPursuit({
    ...{ client, log },
    wanted: () => bells.size > 0 && !closed,
    async after() {
      if (!ring.open) ring.start(await reader.head());
      return ring.head;
    },
    row(row) {
      if (row.position <= ring.head || row.type.startsWith('$')) return;
      ring.push(entryOf(codec, row));
      told++;
      wakeAll();
    },
    // Whoever waits read the log before, and may lie behind the ring.
    live: wakeAll,
    stopped: () => ring.stop(),
  });

  async function page(after: Position, limit: number, filter: LogFilter): Promise<LogBatch> {
    const { rows, position, atEnd } = await reader.page(after, limit, filter);
    const entries = rows.map((row) => entryOf(codec, row));
    const batch = batchOf(entries, after, position, limit, filter);
    return { ...batch, caughtUp: batch.caughtUp && atEnd };
  }

  return {
    join(wake) {
      bells.add(wake);
      pursuit.start();
      return () => {
        bells.delete(wake);
        pursuit.look();
      };
    },
    read: (after, limit, filter) =>
      pursuit.live && ring.covers(after)
        ? batchOf(ring.entries, after, ring.head, limit, filter)
        : page(after, limit, filter),
    page,
    eventOf: (row) => (entryAt(ring.entries, row.position) ?? entryOf(codec, row)).event(),
    close() {
      closed = true;
      pursuit.look();
      wakeAll();
    },
    get closed() {
      return closed;
    },
    get stats() {
      const { subscriptions } = pursuit;
      const ringEvents = ring.entries.length;
      return { subscribers: bells.size, subscriptions, told, ringEvents };
    },
  };
}
