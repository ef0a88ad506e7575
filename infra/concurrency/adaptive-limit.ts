/**
 * A concurrency limit that adapts to what the store can take: a failure under overload halves it,
 * each success raises it a little. Without it a backlog of handlers asks for more than is answered
 * in time, asks again, and keeps an overload going long after its cause is gone.
 */
export interface AdaptiveLimit {
  /** A whole number between the least and the most. */
  readonly now: number;
  /** A piece of work succeeded under the current limit. */
  succeeded(): void;
  /** The store was away, or too slow, while so much was in flight. */
  overloaded(inFlight: number): void;
}

const LEAST = 4;
/** Other failures of what was in flight belong to the same overload. */
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
    overloaded(inFlight) {
      if (clock() - cutAtMs < SAME_MS) return;
      cutAtMs = clock();
      limit = Math.max(least, Math.min(limit, inFlight) / 2);
    },
  };
}
