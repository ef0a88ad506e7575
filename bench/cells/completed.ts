/**
 * R4: executions from POST to the end, the call to the provider included, against a job queue on
 * the same PostgreSQL that makes the same calls to the same sandbox. A turn is over when everything
 * that it submitted is done: on our side completed, settled and in the read models; on the other,
 * its row inserted.
 */
import { audit } from '../audit.js';
import { query } from '../database.js';
import { withDefer, type Defer } from '../defer.js';
import type { Bench, Cell, Comparison, Side } from '../cell.js';
import { closedLoop } from '../load.js';
import { CLIENTS } from '../settings.js';
import { openExecutions, type Place } from './executions.js';
import { queued, resultsDone, startQueue } from './queue.js';
import { sandboxCalls, startSandboxPart } from './sandbox.js';

const WARM_UP_EXECUTIONS = 1_000;
const INGRESS_SECONDS_MAX = 120;

export const completed: Cell = {
  ids: ['R4', 'R4.unbatched'],
  title: 'Completed executions',
  open: (bench, wants) =>
    withDefer(async (defer) => {
      const { databases } = bench;
      const sandboxUrl = await startSandboxPart(bench, defer);
      const databaseUrl = await databases.fresh('completed');
      defer(() => databases.drop(databaseUrl));
      const ours = await executionsSide(bench, { databaseUrl, sandboxUrl }, defer);
      const comparisons: Comparison[] = [];
      const rate = { a: ours, metric: 'perSecond', unit: '/s' };
      const jobs: { done: number }[] = [];
      const queue = async (batching: boolean): Promise<Side> => {
        const side = await queueSide(bench, { sandboxUrl, batching }, defer);
        jobs.push(side);
        return side;
      };
      const name = 'completed executions ÷ graphile-worker';
      if (wants('R4')) {
        const b = await queue(true);
        comparisons.push({ id: 'R4', name, ...rate, b, target: 1, here: 0.7 });
      }
      if (wants('R4.unbatched')) {
        const b = await queue(false);
        comparisons.push({
          id: 'R4.unbatched',
          name: `${name} unbatched`,
          ...rate,
          b,
          target: 2.3,
        });
      }
      return {
        comparisons,
        async check() {
          const accepted = ours.accepted();
          const calls = await sandboxCalls(sandboxUrl);
          const asked = jobs.reduce((sum, { done }) => sum + done, accepted);
          const differing = await ours.miscounted();
          if (calls !== asked) differing.push(`${asked} calls were due, the sandbox saw ${calls}`);
          const found = await audit({ databases, databaseUrl, settled: true, sandboxUrl });
          return [...differing, ...found];
        },
        notes: () => [ours.told()],
      };
    }),
};

interface OurSide extends Side {
  accepted(): number;
  miscounted(): Promise<string[]>;
  told(): string;
}

/** All roles in one process, from POST to readable. */
export async function executionsSide(bench: Bench, place: Place, defer: Defer): Promise<OurSide> {
  const executions = await openExecutions(bench, place, defer);
  let perSecond = 0;
  const lags: number[] = [];
  return {
    name: 'executions/s',
    async measure(warmUp) {
      const count = warmUp ? WARM_UP_EXECUTIONS : Math.ceil(perSecond * bench.settings.seconds);
      const burst = await executions.burst(count);
      perSecond = burst.perSecond;
      if (!warmUp) lags.push(burst.readableAfterMs);
      return burst;
    },
    accepted: () => executions.accepted(),
    miscounted: () => executions.miscounted(),
    told: () => `settled and readable at most ${Math.ceil(Math.max(...lags))} ms after completed`,
  };
}

interface Queue {
  readonly sandboxUrl: string;
  readonly batching: boolean;
}

async function queueSide(
  bench: Bench,
  { sandboxUrl, batching }: Queue,
  defer: Defer,
): Promise<Side & { readonly done: number }> {
  const { databases, settings } = bench;
  const url = await databases.fresh(batching ? 'queue_batched' : 'queue_unbatched');
  defer(() => databases.drop(url));
  const part = await startQueue({ url, sandboxUrl, batching });
  defer(() => part.stop());
  let done = 0;
  let perSecond = 0;
  return {
    name: `graphile-worker jobs/s${batching ? '' : ' unbatched'}`,
    async measure(warmUp) {
      const count = warmUp ? WARM_UP_EXECUTIONS : Math.ceil(perSecond * settings.seconds);
      await query(url, 'TRUNCATE results');
      await part.ask({ work: true });
      const began = performance.now();
      const { answers, perSecond: acceptedPerSecond } = await closedLoop({
        url: part.ready,
        clients: CLIENTS,
        seconds: INGRESS_SECONDS_MAX,
        answersMax: count,
        next: queued,
        accept: (status) => status === 202,
      });
      const { endMs } = await resultsDone(url, answers);
      await part.ask({ work: false });
      done += answers;
      perSecond = (answers * 1000) / (endMs - began);
      return { perSecond, acceptedPerSecond };
    },
    get done() {
      return done;
    },
  };
}
