/**
 * R5: from when a request was due to its completion, in an open loop, against the job queue of R4.
 * The rate is 1,000/s, or the highest of a ladder at which both sides keep up on this machine: what
 * is above it would measure a queue that grows.
 */
import { audit } from '../audit.js';
import { CellSkipped, type Bench, type Cell, type Side } from '../cell.js';
import { followCompletions } from '../completions.js';
import { query } from '../database.js';
import { withDefer, type Defer } from '../defer.js';
import { openLoop } from '../load.js';
import { CLIENTS } from '../settings.js';
import { percentile } from '../statistics.js';
import { submissionsOf } from '../submissions.js';
import { openExecutions } from './executions.js';
import { resultsDone, resultTimes, startQueue } from './queue.js';
import { startSandboxPart } from './sandbox.js';
import { submitToCompleted } from './submit-to-completed.js';

/** Latencies in milliseconds at a rate, for so many seconds. */
type Take = (rate: number, seconds: number) => Promise<number[]>;

const RATES = [1_000, 800, 600, 500, 400, 300, 200, 100];
const PROBE_SECONDS = 3;
/** A side keeps up when the last second's executions take no longer than this at the median. */
const KEEPS_UP_MS = 250;
const WARM_UP_RATE = 100;

export const latency: Cell = {
  ids: ['R5', 'R5.unbatched'],
  title: 'Submit to completed',
  open: (bench, wants) =>
    withDefer(async (defer) => {
      const { databases, settings } = bench;
      const sandboxUrl = await startSandboxPart(bench, defer);
      const databaseUrl = await databases.fresh('latency');
      defer(() => databases.drop(databaseUrl));
      const ours = await openExecutions(bench, { databaseUrl, sandboxUrl }, defer);
      const completions = await followCompletions(databaseUrl);
      defer(() => completions.close());
      const takeOurs: Take = (rate, seconds) =>
        submitToCompleted(ours, completions, { rate, seconds });
      await takeOurs(WARM_UP_RATE, PROBE_SECONDS);
      const comparisonOf = async (id: string, batching: boolean) => {
        const takeTheirs = await queueTake(bench, { sandboxUrl, batching }, defer);
        await takeTheirs(WARM_UP_RATE, PROBE_SECONDS);
        const rate = await highestRate([takeOurs, takeTheirs]);
        const seconds = settings.seconds * 2;
        const queue = `graphile-worker${batching ? '' : ' unbatched'}`;
        return {
          id,
          name: `submit→completed p99 at ${rate}/s ÷ ${queue}`,
          a: sideOf(`ModelRoute at ${rate}/s`, () => takeOurs(rate, seconds)),
          b: sideOf(`${queue} at ${rate}/s`, () => takeTheirs(rate, seconds)),
          metric: 'p99Ms',
          unit: ' ms',
          target: 0.5,
          atMost: true,
        };
      };
      const comparisons = [];
      if (wants('R5')) comparisons.push(await comparisonOf('R5', true));
      if (wants('R5.unbatched')) comparisons.push(await comparisonOf('R5.unbatched', false));
      return {
        comparisons,
        async check() {
          const found = await audit({ databases, databaseUrl, settled: true, sandboxUrl });
          return [...(await ours.miscounted()), ...found];
        },
      };
    }),
};

const sideOf = (name: string, take: () => Promise<number[]>): Side => ({
  name,
  async measure() {
    const latencies = await take();
    return { p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) };
  },
});

interface Queue {
  readonly sandboxUrl: string;
  readonly batching: boolean;
}

/** On the other side an execution is over when the row of its job is inserted. */
async function queueTake(bench: Bench, queue: Queue, defer: Defer): Promise<Take> {
  const { databases } = bench;
  const url = await databases.fresh(queue.batching ? 'latency_batched' : 'latency_unbatched');
  defer(() => databases.drop(url));
  const part = await startQueue({ url, ...queue });
  defer(() => part.stop());
  const label = queue.batching ? 'latency' : 'unbatched';
  const submissions = submissionsOf([{ organizationId: '', apiKey: 'none' }], label);
  return async (rate, seconds) => {
    await query(url, 'TRUNCATE results');
    const first = submissions.made;
    await part.ask({ work: true });
    const { answers, beganMs } = await openLoop({
      url: part.ready,
      clients: CLIENTS,
      seconds,
      perSecond: rate,
      next: submissions.fresh,
      accept: (status) => status === 202,
    });
    const epochMs = Date.now() - performance.now();
    await resultsDone(url, answers);
    await part.ask({ work: false });
    const times = await resultTimes(url);
    return Array.from({ length: answers }, (_, n) => {
      const done = (times.get(`${label}-${first + n}`) ?? NaN) - epochMs;
      return done - (beganMs + (n * 1000) / rate);
    });
  };
}

async function highestRate(sides: readonly Take[]): Promise<number> {
  for (const rate of RATES) {
    const keepUp: boolean[] = [];
    for (const take of sides) {
      const latencies = await take(rate, PROBE_SECONDS);
      keepUp.push(percentile(latencies.slice(-rate), 0.5) < KEEPS_UP_MS);
    }
    if (keepUp.every(Boolean)) return rate;
  }
  throw new CellSkipped(`the two sides do not keep up at ${RATES.at(-1)}/s on this machine`);
}
