/**
 * When the index does not follow the log: what was written is durable, but is not yet seen by
 * readers and not answered. A real server has such stalls of 0.7–1 s now and then (a flush, a
 * garbage collection, two busy cores).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Knobs } from './behaviour.js';

export interface Stalls {
  /** Resolves when what is durable may be indexed; undefined when it may be at once. */
  over(): Promise<void> | undefined;
  /** One stall, from now on. */
  stall(forMs: number): void;
}

export function openStalls(knobs: Knobs): Stalls {
  const since = performance.now();
  let stalledUntil = 0;

  /** Each period ends with its stall, so that a server that was just started is well. */
  const leftMs = () => {
    const now = performance.now();
    const { everyMs, forMs } = knobs.now.stall;
    const toPeriodEndMs = everyMs > 0 ? everyMs - ((now - since) % everyMs) : Infinity;
    const ofPeriod = toPeriodEndMs <= forMs ? toPeriodEndMs : 0;
    return Math.max(ofPeriod, stalledUntil - now);
  };
  const wait = async () => {
    for (let left = leftMs(); left > 0; left = leftMs()) await sleep(left);
  };
  return {
    over: () => (leftMs() > 0 ? wait() : undefined),
    stall: (forMs) => {
      stalledUntil = performance.now() + forMs;
    },
  };
}
