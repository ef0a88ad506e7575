/**
 * Group commit: units wait in one queue, first come first served, and everything that waits goes
 * into the next batch. One batch is in flight at a time, so the order of the queue is the order of
 * the log, and a busy store makes larger batches instead of more of them.
 *
 *   submit ──► queue ──(bounds of a batch)──► write ──► each unit its outcomes, or its error
 */
import { performance } from 'node:perf_hooks';
import { StoreOverloaded, StoreUnavailable, type AppendOutcome } from '../port.js';
import type { EncodedUnit } from '../unit.js';

export type UnitResult = readonly AppendOutcome[] | Error;

interface GroupCommitOptions {
  /** Answers one result per unit, in order, at the deadline at the latest. */
  readonly write: (
    units: readonly EncodedUnit[],
    deadline: number,
  ) => Promise<readonly UnitResult[]>;
  readonly queueUnitsMax: number;
  readonly queueBytesMax: number;
  /** From `submit` to the answer. */
  readonly timeoutMs: number;
}

export interface GroupCommit {
  submit(unit: EncodedUnit): Promise<readonly AppendOutcome[]>;
  /** Takes nothing more; resolves when everything that was taken is answered. */
  drain(): Promise<void>;
  readonly stats: GroupCommitStats;
}

export interface GroupCommitStats {
  readonly batches: number;
  readonly units: number;
  readonly events: number;
  readonly overloads: number;
  readonly queueUnits: number;
  readonly queueBytes: number;
  /** Of all batches together, from the write to its answer. */
  readonly writingMs: number;
}

interface Waiting {
  readonly unit: EncodedUnit;
  readonly deadline: number;
  readonly resolve: (outcomes: readonly AppendOutcome[]) => void;
  readonly reject: (error: Error) => void;
}

/** Larger batches gain nothing more per event, and make whoever waits behind them wait longer. */
const BATCH_EVENTS_MAX = 2_000;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;

export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const { write, queueUnitsMax, queueBytesMax, timeoutMs } = options;
  const stats = { batches: 0, units: 0, events: 0, overloads: 0, queueBytes: 0, writingMs: 0 };
  const queue: Waiting[] = [];
  let running = false;
  let draining: (() => void) | undefined;
  let closed = false;

  /** A turn later, so that everything which this turn of the event loop submits goes together. */
  function start(): void {
    if (running) return;
    running = true;
    setImmediate(() => void run());
  }

  async function run(): Promise<void> {
    const batch = queue.splice(0, batchLength(queue));
    const units = batch.map(({ unit }) => unit);
    for (const { bytes } of units) stats.queueBytes -= bytes;
    const began = performance.now();
    const results = await write(units, batch[0]?.deadline ?? 0).catch((error: Error) =>
      units.map(() => error),
    );
    stats.writingMs += performance.now() - began;
    stats.batches++;
    batch.forEach(({ unit, resolve, reject }, index) => {
      const result = results[index] ?? new StoreUnavailable('the store answered too little');
      if (result instanceof Error) return reject(result);
      stats.units++;
      stats.events += unit.events;
      resolve(result);
    });
    running = false;
    if (queue.length > 0) start();
    else draining?.();
  }

  return {
    async submit(unit) {
      if (closed) throw new StoreUnavailable('the event store is closed');
      const full = queue.length >= queueUnitsMax || stats.queueBytes + unit.bytes > queueBytesMax;
      if (full) {
        stats.overloads++;
        throw new StoreOverloaded();
      }
      return new Promise((resolve, reject) => {
        queue.push({ unit, deadline: performance.now() + timeoutMs, resolve, reject });
        stats.queueBytes += unit.bytes;
        start();
      });
    },
    async drain() {
      closed = true;
      if (running) await new Promise<void>((resolve) => (draining = resolve));
    },
    get stats() {
      return { ...stats, queueUnits: queue.length };
    },
  };
}

/** At least one unit, however large it is. */
function batchLength(queue: readonly Waiting[]): number {
  let length = 0;
  let events = 0;
  let bytes = 0;
  for (const { unit } of queue) {
    events += unit.events;
    bytes += unit.bytes;
    if (length > 0 && (events > BATCH_EVENTS_MAX || bytes > BATCH_BYTES_MAX)) break;
    length++;
  }
  return length;
}
