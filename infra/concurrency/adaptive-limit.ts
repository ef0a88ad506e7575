/**
 * How much may be under way at once, found out by what a store bears: a failure for want of it
 * halves the limit, successes raise it again, one by one. Without it a backlog of handlers asks
 * for more than is answered in time, asks again, and keeps an overload going that its cause has
 * long left.
 */
export interface AdaptiveLimit {
  /** A whole number between the least and the most. */
  readonly now: number;
  /** Work was done that was under way with the limit as it is. */
  succeeded(): void;
  /** The store was away, or too slow, while so much was under way. */
  overloaded(underWay: number): void;
}

const LEAST = 4;
/** What was already under way may fail as well: that is the same overload. */
const SAME_MS = 500;

export function openAdaptiveLimit(most: number, clock: () => number): AdaptiveLimit {
  const least = Math.min(LEAST, most);
  let limit = most;
  let cutAtMs = -Infinity;
  return {
    get now() {
      return Math.floor(limit);
    },
    succeeded() {
      limit = Math.min(most, limit + 1 / limit);
    },
    overloaded(underWay) {
      if (clock() - cutAtMs < SAME_MS) return;
      cutAtMs = clock();
      limit = Math.max(least, Math.min(limit, underWay) / 2);
    },
  };
}
