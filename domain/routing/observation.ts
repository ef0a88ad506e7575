/**
 * What was observed of a route lately: how long its successful calls took, as a 90th percentile
 * over a histogram whose counts decay with each call, and which share of its calls succeeded. It is
 * bounded:
 * one count for each bucket, however many calls there were.
 */
import type { Ending } from './breaker.js';

export interface Observation {
  /** Of successful calls, by the logarithm of their milliseconds; the newest counts 1. */
  readonly counts: readonly number[];
  /** Absent until the first success. */
  readonly p90Ms?: number;
  /** From 1, as if all before the first had succeeded. */
  readonly successShare: number;
  readonly atMs: number;
}

/** Two buckets for each doubling, from 1 ms to 50 minutes. */
const BUCKETS = 44;
const BUCKETS_PER_DOUBLING = 2;
/** About thirty calls ago counts a third. */
const DECAY = 0.97;
const NEWEST_WEIGHT = 0.1;
/** After that, a route counts as not observed: what was slow may be quick again. */
const FRESH_MS = 5 * 60_000;

/** What its caller's own doing ended says nothing. */
export function observed(
  before: Observation | undefined,
  { ending, latencyMs }: { readonly ending: Ending | 'refused'; readonly latencyMs: number },
  nowMs: number,
): Observation | undefined {
  if (ending === 'neutral') return before;
  const { counts = [], successShare = 1, p90Ms } = freshly(before, nowMs) ?? {};
  const isSuccess = ending === 'succeeded';
  const share = successShare + NEWEST_WEIGHT * (Number(isSuccess) - successShare);
  if (!isSuccess)
    return { counts, ...(p90Ms !== undefined && { p90Ms }), successShare: share, atMs: nowMs };
  const own = bucketOf(latencyMs);
  const next: number[] = [];
  for (let bucket = 0; bucket < BUCKETS; bucket++)
    next.push((counts[bucket] ?? 0) * DECAY + Number(bucket === own));
  return { counts: next, p90Ms: percentileOf(next, 0.9), successShare: share, atMs: nowMs };
}

/** Undefined where it is too old to tell anything. */
export const freshly = (known: Observation | undefined, nowMs: number): Observation | undefined =>
  known && nowMs - known.atMs < FRESH_MS ? known : undefined;

const bucketOf = (ms: number): number =>
  Math.min(BUCKETS - 1, Math.floor(BUCKETS_PER_DOUBLING * Math.log2(Math.max(ms, 1))));

/** The upper end of the bucket in which it lies. */
function percentileOf(counts: readonly number[], part: number): number {
  const wanted = part * counts.reduce((sum, count) => sum + count, 0);
  let sum = 0;
  const bucket = counts.findIndex((count) => (sum += count) >= wanted);
  return Math.round(2 ** ((bucket + 1) / BUCKETS_PER_DOUBLING));
}
