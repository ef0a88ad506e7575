/** Figures of few samples: medians, spread, and the interval of a ratio of paired samples. */

interface Interval {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** The smallest value that at least this part of all values does not exceed. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? NaN;
}

/** How far the farthest sample lies from the median, as a part of the median. */
export function spread(values: readonly number[]): number {
  const centre = median(values);
  return Math.max(...values.map((value) => Math.abs(value / centre - 1)));
}

/**
 * The ratio of samples that were taken in turns: the geometric mean of the rounds' ratios, and
 * Student's t on their logarithms for its 95 % interval. What slows the machine for a while slows
 * both halves of a round, so pairing takes most of it out.
 */
export function pairedRatio(a: readonly number[], b: readonly number[]): Interval {
  const logs = a.map((value, round) => Math.log(value / (b[round] ?? NaN)));
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const ratio = Math.exp(mean);
  const quantile = T_975[logs.length - 2] ?? 2;
  if (logs.length < 2) return { ratio, low: 0, high: Infinity };
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
  const half = quantile * Math.sqrt(variance / logs.length);
  return { ratio, low: Math.exp(mean - half), high: Math.exp(mean + half) };
}

/** Student's t at 97.5 % for 1, 2, … degrees of freedom; 2 is close enough beyond. */
const T_975: readonly number[] = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086,
];
