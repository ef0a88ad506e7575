/** How evenly streams fall on partitions, and what a big account does to those of accounts. */
import { randomFrom } from '../../testing/random.js';

export interface Skew {
  readonly keys: number;
  readonly partitions: number;
  /** Work of the key of rank r is as 1 / r to this power: 0 for keys that are all alike. */
  readonly zipf: number;
  readonly seed: string;
}

export interface SkewResult {
  /** Work of the fullest partition over that of an average one. */
  readonly fullestOverMean: number;
  /** Share of all work that the biggest key is. */
  readonly biggestKey: number;
  readonly empty: number;
}

/** Keys are random ids, so that a good hash puts each anywhere: a number drawn is as good. */
export function simulateSkew({ keys, partitions, zipf, seed }: Skew): SkewResult {
  const random = randomFrom(seed);
  const work = new Float64Array(partitions);
  let total = 0;
  for (let rank = 1; rank <= keys; rank += 1) {
    const weight = rank ** -zipf;
    const partition = Math.floor(random.next() * partitions);
    work[partition] = (work[partition] ?? 0) + weight;
    total += weight;
  }
  return {
    fullestOverMean: Math.max(...work) / (total / partitions),
    biggestKey: 1 / total,
    empty: work.filter((load) => load === 0).length,
  };
}
