/**
 * Appends that the server gives up: what is not indexed in time is answered as timed out, though
 * it was written and stays; and so is a repetition that was dropped.
 */
import type { Knobs } from './behaviour.js';
import type { AppendResult } from './store.js';

export const TIMED_OUT = { is: 'timeout' } as const;

export interface GivenUp {
  /** The result, or that it came too late. */
  within(work: Promise<AppendResult>): Promise<AppendResult | typeof TIMED_OUT>;
  end(): void;
}

interface Waiting {
  readonly dueAt: number;
  readonly giveUp: () => void;
}

/** The real server looks each time its timer ticks. */
const TICK_MS = 50;

export function openGivenUp(knobs: Knobs): GivenUp {
  const all = new Set<Waiting>();
  const timer = setInterval(() => {
    const now = performance.now();
    for (const waiting of all) {
      if (waiting.dueAt > now) continue;
      all.delete(waiting);
      waiting.giveUp();
    }
  }, TICK_MS).unref();
  return {
    within: (work) =>
      new Promise((resolve, reject) => {
        const dueAt = performance.now() + knobs.now.giveUpMs;
        const waiting = { dueAt, giveUp: () => resolve(TIMED_OUT) };
        all.add(waiting);
        work.then((result) => {
          if (result.status === 'dropped') return;
          all.delete(waiting);
          resolve(result);
        }, reject);
      }),
    end: () => clearInterval(timer),
  };
}
