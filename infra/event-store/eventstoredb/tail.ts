/**
 * The newest part of the log, followed once for all subscribers of the process.
 *
 *     ... ──(pages)──► floor ──(ring: entries held here)──► head ◄── one subscription to the log
 *
 * The subscription goes on behind the ring's head whatever ended it: a restart of the server, a
 * new leader, a server that dropped us. It tells straight into the ring, which is bounded, so a
 * slow subscriber slows nobody down: one that falls behind the floor reads pages of its own.
 */
import type { AnyEvent } from '../../../contracts/events/all.js';
import type { RecordedEvent } from '../../../contracts/events/envelope.js';
import { createBell } from '../bell.js';
import type { Codec, LogRow, StoreLog } from '../codec.js';
import { batchOf, entryAt, entryOf } from '../entries.js';
import type { FollowedLog } from '../follow.js';
import { StoreUnavailable, type LogBatch, type LogFilter, type Position } from '../port.js';
import { createRing } from '../ring.js';
import type { LogClient } from './client.js';
import type { LogReader } from './log-reader.js';

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

const OUTAGE_PAUSE_MS = 250;

export function createTail({ client, reader, codec, log }: TailOptions): Tail {
  const ring = createRing();
  const bells = new Set<() => void>();
  const woken = createBell();
  const stats = { subscriptions: 0, told: 0 };
  let running = false;
  let closed = false;
  /** The subscription has come to the ring's head and tells what follows. */
  let live = false;
  let stop: (() => void) | undefined;

  const wanted = () => bells.size > 0 && !closed;
  const wakeAll = (): void => bells.forEach((ring) => ring());

  function becomeLive(): void {
    if (live) return;
    live = true;
    wakeAll(); // Whoever waits read the log before, and may lie behind the ring.
  }

  function take(row: LogRow): void {
    if (row.position <= ring.head || row.type.startsWith('$')) return;
    ring.push(entryOf(codec, row));
    stats.told++;
    live = true;
    wakeAll();
  }

  async function followOnce(): Promise<string> {
    if (!ring.open) ring.start(await reader.head());
    if (!wanted()) return 'nobody follows';
    stats.subscriptions++;
    const call = client.follow(
      ring.head,
      {},
      { row: take, checkpoint: becomeLive, caughtUp: becomeLive },
    );
    stop = call.cancel;
    const ending = await call.ended;
    stop = undefined;
    live = false;
    return ending.kind === 'done' ? 'the subscription ended' : ending.reason;
  }

  async function run(): Promise<void> {
    let away = false;
    while (wanted()) {
      const before = stats.told;
      const reason = await followOnce().catch((error: unknown) => {
        if (error instanceof StoreUnavailable) return error.message;
        return String(error);
      });
      if (!wanted()) break;
      away &&= stats.told === before;
      if (!away) log.warn({ error: reason }, 'the log cannot be followed for now');
      away = true;
      await woken.wait(OUTAGE_PAUSE_MS);
    }
    running = false;
    live = false;
    ring.stop();
    if (wanted()) start();
  }

  function start(): void {
    if (running) return;
    running = true;
    void run();
  }

  async function page(after: Position, limit: number, filter: LogFilter): Promise<LogBatch> {
    const { rows, position, atEnd } = await reader.page(after, limit, filter);
    const entries = rows.map((row) => entryOf(codec, row));
    const batch = batchOf(entries, after, position, limit, filter);
    return { ...batch, caughtUp: batch.caughtUp && atEnd };
  }

  return {
    join(wake) {
      bells.add(wake);
      start();
      return () => {
        bells.delete(wake);
        if (bells.size === 0) stop?.();
      };
    },
    read: (after, limit, filter) =>
      live && ring.covers(after)
        ? batchOf(ring.entries, after, ring.head, limit, filter)
        : page(after, limit, filter),
    page,
    eventOf: (row) => (entryAt(ring.entries, row.position) ?? entryOf(codec, row)).event(),
    close() {
      closed = true;
      stop?.();
      woken.ring();
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
