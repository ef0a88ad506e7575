/**
 * How fast a rebuild goes. A command of its own has all the time there is. One in a process that
 * serves takes small batches, since callers wait for the whole of one, and rests between them: for
 * a moment always, and the longer the more of that moment the process was busy with others.
 *
 *   batch (tookMs) ─► rest (the loop works for others alone: their share is measured) ─► batch …
 *
 * With others at work half of the time it has a third of the time, with nobody nearly all.
 */
import { performance } from 'node:perf_hooks';
import { pause } from '../../infra/concurrency/pause.js';

export interface RebuildPace {
  readonly batchEvents: number;
  /** After a batch that took so long. */
  rest(tookMs: number, signal: AbortSignal | undefined): Promise<void>;
}

export const fullPace: RebuildPace = {
  batchEvents: 10_000,
  rest: () => Promise.resolve(),
};

/** About five milliseconds of the loop. */
const ASIDE_EVENTS = 500;

const REST_MIN_MS = 2;
const REST_MAX_MS = 250;

/** Of rest for each of work, were others busy all the time. */
const REST_SHARE = 4;

/** So much of what is known of the others' share is what was seen last. */
const LATEST = 0.2;

/** Rests so long, and answers with the share of that time in which the loop was busy. */
type Resting = (ms: number, signal: AbortSignal) => Promise<number>;

export function openPaceBeside(resting: Resting = restedOnLoop): RebuildPace {
  let others = 0;
  return {
    batchEvents: ASIDE_EVENTS,
    async rest(tookMs, signal = new AbortController().signal) {
      const ms = Math.max(REST_MIN_MS, tookMs * REST_SHARE * others);
      const seen = await resting(Math.min(REST_MAX_MS, ms), signal);
      others += LATEST * (seen - others);
    },
  };
}

async function restedOnLoop(ms: number, signal: AbortSignal): Promise<number> {
  const before = performance.eventLoopUtilization();
  await pause(ms, signal);
  return performance.eventLoopUtilization(before).utilization;
}
