/**
 * Waiting for a projection. Projectors of this process announce their commits; commits of other
 * processes are found by asking the database, once for all who wait for the same projection.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { START, type Position } from '../event-store/port.js';
import { rowsOf } from './reading.js';
import { amount } from './table.js';

/** One per process, so that its projectors answer its readers without a question. */
export interface ProjectionProgress {
  /** Everything up to the position is committed, and nothing behind it. */
  announce(projections: readonly string[], position: Position): void;
  /**
   * Whether the projection passed the position; false when it is stopped, or did not pass in time.
   * Throws `StoreUnavailable`.
   */
  passed(projection: string, position: Position, timeoutMs: number): Promise<boolean>;
}

/** How late a commit of another process is seen, at most. */
const ASK_MS = 25;

/**
 * Questions are at least so far apart, however many readers come one after another: two hundred a
 * second at most for each projection. A reader who comes after a silence asks at once.
 */
const APART_MS = 5;

export function openProgress(pool: Pick<Pool, 'query'>): ProjectionProgress {
  const announced = new Map<string, Position>();
  const waits = new Map<string, SharedWait>();
  return {
    announce(projections, position) {
      for (const name of projections) {
        announced.set(name, position);
        waits.get(name)?.reached(position);
      }
    },
    async passed(name, position, timeoutMs) {
      if ((announced.get(name) ?? START) >= position) return true;
      const wait = waits.get(name) ?? openSharedWait(() => committedBy(pool, name));
      waits.set(name, wait);
      return wait.until(position, timeoutMs);
    },
  };
}

interface SharedWait {
  until(position: Position, timeoutMs: number): Promise<boolean>;
  reached(position: Position): void;
}

interface Waiter {
  readonly position: Position;
  readonly deadlineMs: number;
  readonly resolve: (passed: boolean) => void;
  readonly reject: (error: unknown) => void;
}

interface Committed {
  readonly position: Position;
  readonly isStopped: boolean;
}

/**
 * One question at a time. It is asked soon for a newcomer, then again after each pause for as long
 * as somebody waits.
 */
function openSharedWait(ask: () => Promise<Committed>): SharedWait {
  const waiters = new Set<Waiter>();
  let isAsking = false;
  let askedAtMs = -Infinity;
  let endPause: () => void = () => undefined;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const reached = (position: Position): void => {
    for (const waiter of waiters)
      if (waiter.position <= position && waiters.delete(waiter)) waiter.resolve(true);
  };

  /** An answer says no only to those who waited when the question was asked. */
  async function askFor(asking: readonly Waiter[]): Promise<void> {
    try {
      const { position, isStopped } = await ask();
      reached(position);
      for (const waiter of asking)
        if (isStopped || waiter.deadlineMs <= performance.now())
          if (waiters.delete(waiter)) waiter.resolve(false);
    } catch (error) {
      for (const waiter of asking) if (waiters.delete(waiter)) waiter.reject(error);
    }
  }

  async function askWhileAnybodyWaits(): Promise<void> {
    isAsking = true;
    const askedFor = new WeakSet<Waiter>();
    while (waiters.size > 0) {
      const earlyMs = askedAtMs + APART_MS - performance.now();
      if (earlyMs > 0) await sleep(Math.ceil(earlyMs));
      askedAtMs = performance.now();
      const asking = [...waiters];
      for (const waiter of asking) askedFor.add(waiter);
      await askFor(asking);
      if (waiters.size === 0 || [...waiters].some((waiter) => !askedFor.has(waiter))) continue;
      await pause(Math.min(ASK_MS, leastLeftMs(waiters)));
    }
    isAsking = false;
  }

  return {
    reached(position) {
      reached(position);
      if (waiters.size === 0) endPause();
    },
    until(position, timeoutMs) {
      return new Promise<boolean>((resolve, reject) => {
        waiters.add({ position, deadlineMs: performance.now() + timeoutMs, resolve, reject });
        if (isAsking) endPause();
        else void askWhileAnybodyWaits();
      });
    },
  };
}

function leastLeftMs(waiters: Iterable<Waiter>): number {
  let deadlineMs = Infinity;
  for (const waiter of waiters) deadlineMs = Math.min(deadlineMs, waiter.deadlineMs);
  return Math.max(0, deadlineMs - performance.now());
}

async function committedBy(pool: Pick<Pool, 'query'>, name: string): Promise<Committed> {
  const [row] = await rowsOf(pool, {
    name: 'projection position',
    text: 'SELECT position, stopped_at FROM readmodel.projections WHERE name = $1',
    values: [name],
  });
  if (!row) return { position: START, isStopped: false };
  return { position: amount(row, 'position'), isStopped: row['stopped_at'] !== null };
}
