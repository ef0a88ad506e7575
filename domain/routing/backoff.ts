/**
 * When a failed attempt may be followed by the next one on the same provider.
 *
 *   failures   1          2          3        …   8 and more
 *   wait       125–250ms  250–500ms  0.5–1s       16–30s
 *
 * The upper half of each step is random, so that what failed together does not come back together.
 */
interface BackoffInput {
  /** Attempts of this execution that have failed so far, at least 1. */
  readonly failures: number;
  /** A random number in [0, 1). */
  readonly random: number;
  /** What the provider asked for; the wait is never shorter. */
  readonly retryAfterMs?: number;
}

const STEP_FIRST_MS = 250;
const STEP_MAX_MS = 30_000;

/** Whole milliseconds from the failure to the earliest next attempt. */
export function retryDelayMs({ failures, random, retryAfterMs = 0 }: BackoffInput): number {
  const stepMs = Math.min(STEP_FIRST_MS * 2 ** Math.min(failures - 1, 16), STEP_MAX_MS);
  const delayMs = Math.floor(stepMs * (0.5 + random / 2));
  return Math.max(delayMs, Math.ceil(retryAfterMs));
}
