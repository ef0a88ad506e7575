/**
 * A reader of the log in batches (relay, projector, reconciliation) during a burst: how far it
 * falls behind, how old the events are that it reads, and when it has caught up.
 */
import { randomFrom } from '../../testing/random.js';

export interface Burst {
  readonly eventsPerSecond: number;
  /** The rate is multiplied by this for that long. */
  readonly times: number;
  readonly burstSeconds: number;
  /** A batch of n events takes fixed + n × each. */
  readonly batchFixedMs: number;
  readonly batchEachMs: number;
  readonly batchMax: number;
  readonly seed: string;
}

export interface BurstResult {
  readonly capacityPerSecond: number;
  readonly behindMax: number;
  readonly oldestSeconds: number;
  /** From the end of the burst until it has caught up; undefined: not within an hour. */
  readonly caughtUpSeconds: number | undefined;
  readonly appended: number;
  readonly read: number;
}

const CALM_SECONDS = 10;
const PATIENCE_SECONDS = 3_600;

export function simulateBurst(settings: Burst): BurstResult {
  const { batchFixedMs, batchEachMs, batchMax } = settings;
  const arrivals = openArrivals(settings);
  const burstEndMs = (CALM_SECONDS + settings.burstSeconds) * 1000;
  let nowMs = 0;
  let [read, behindMax, oldestMs] = [0, 0, 0];
  let caughtUpMs: number | undefined;
  while (nowMs < burstEndMs + PATIENCE_SECONDS * 1000 && caughtUpMs === undefined) {
    const behind = arrivals.countBy(nowMs) - read;
    behindMax = Math.max(behindMax, behind);
    if (behind > 0) oldestMs = Math.max(oldestMs, nowMs - arrivals.timeOf(read));
    const batch = Math.min(behind, batchMax);
    // One that is not full finds the reader at the head: it is as old as the reader is quick.
    if (batch < batchMax && nowMs > burstEndMs) caughtUpMs = nowMs - burstEndMs;
    nowMs += batch === 0 ? 1 : batchFixedMs + batch * batchEachMs;
    read += batch;
  }
  return {
    capacityPerSecond: (batchMax / (batchFixedMs + batchMax * batchEachMs)) * 1000,
    behindMax,
    oldestSeconds: oldestMs / 1000,
    caughtUpSeconds: caughtUpMs === undefined ? undefined : caughtUpMs / 1000,
    appended: arrivals.countBy(nowMs),
    read,
  };
}

/** Milliseconds with a random number of events each, as many of the log as were asked for. */
function openArrivals({ eventsPerSecond, times, burstSeconds, seed }: Burst) {
  const random = randomFrom(seed);
  const counts: number[] = [0];
  const rateAt = (ms: number) => {
    const isBurst = ms >= CALM_SECONDS * 1000 && ms < (CALM_SECONDS + burstSeconds) * 1000;
    return (eventsPerSecond * (isBurst ? times : 1)) / 1000;
  };
  const grow = (ms: number) => {
    while (counts.length <= ms) {
      const mean = rateAt(counts.length - 1);
      // Uniform between none and twice the mean, its fraction by chance: a mean without a tail.
      const drawn = mean * 2 * random.next();
      const whole = Math.floor(drawn) + (random.chance(drawn % 1) ? 1 : 0);
      counts.push((counts.at(-1) ?? 0) + whole);
    }
  };
  return {
    countBy: (ms: number): number => {
      grow(Math.floor(ms));
      return counts[Math.floor(ms)] ?? 0;
    },
    /** When the event of that number was appended. */
    timeOf: (number: number): number => {
      let [low, high] = [0, counts.length - 1];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((counts[middle] ?? 0) > number) high = middle;
        else low = middle + 1;
      }
      return low;
    },
  };
}
