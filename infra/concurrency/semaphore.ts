/**
 * Bounds what is in flight at once, by number and by weight (bytes, say). The others wait, first
 * come first served.
 */
import { performance } from 'node:perf_hooks';

interface Semaphore {
  /**
   * Whether a permit was given; false when the deadline came first. A weight above the maximum gets
   * its permit when nothing else is in flight. The holder must release the same weight.
   */
  acquire(weight: number, deadline: number): boolean | Promise<boolean>;
  release(weight: number): void;
  readonly inFlight: number;
}

interface Waiter {
  readonly weight: number;
  readonly deadline: number;
  readonly answer: (acquired: boolean) => void;
}

/** How late a deadline may be noticed. */
const DEADLINE_TICK_MS = 25;

export function createSemaphore(countMax: number, weightMax: number): Semaphore {
  let waiters: Waiter[] = [];
  let count = 0;
  let weightInFlight = 0;
  let ticker: NodeJS.Timeout | undefined;

  const fits = (weight: number) =>
    count === 0 || (count < countMax && weightInFlight + weight <= weightMax);
  const take = (weight: number) => {
    count++;
    weightInFlight += weight;
  };

  function admit(): void {
    let admitted = 0;
    for (let next = waiters[0]; next && fits(next.weight); next = waiters[++admitted]) {
      take(next.weight);
      next.answer(true);
    }
    if (admitted > 0) waiters = waiters.slice(admitted);
  }

  function refuseLate(): void {
    const now = performance.now();
    for (const { deadline, answer } of waiters) if (deadline <= now) answer(false);
    waiters = waiters.filter(({ deadline }) => deadline > now);
    admit();
    if (waiters.length > 0) return;
    clearInterval(ticker);
    ticker = undefined;
  }

  return {
    acquire(weight, deadline) {
      if (waiters.length === 0 && fits(weight)) {
        take(weight);
        return true;
      }
      ticker ??= setInterval(refuseLate, DEADLINE_TICK_MS);
      return new Promise((answer) => waiters.push({ weight, deadline, answer }));
    },
    release(weight) {
      count--;
      weightInFlight -= weight;
      if (waiters.length > 0) admit();
    },
    get inFlight() {
      return count;
    },
  };
}
