/**
 * R4.drain: how fast a backlog is worked off. The work is submitted while the workers' process is
 * held still (on the other side, while its worker is stopped); the time runs from the first look
 * that finds one done to the last, so that getting under way counts on neither side.
 */
import { audit } from '../audit.js';
import { query } from '../database.js';
import { withDefer, type Defer } from '../defer.js';
import type { Bench, Cell, Side } from '../cell.js';
import { closedLoop } from '../load.js';
import { logCounts } from '../log-check.js';
import { followLog } from '../log-progress.js';
import { createTenants, startModelRoute } from '../modelroute.js';
import { CLIENTS } from '../settings.js';
import { submissionsOf } from '../submissions.js';
import { queued, resultsDone, startQueue } from './queue.js';
import { startSandboxPart } from './sandbox.js';

const TENANTS = 16;
const WARM_UP_BACKLOG = 1_000;
const INGRESS_SECONDS_MAX = 120;

export const drain: Cell = {
  ids: ['R4.drain'],
  title: 'Backlog worked off',
  open: (bench) =>
    withDefer(async (defer) => {
      const { databases } = bench;
      const sandboxUrl = await startSandboxPart(bench, defer);
      const databaseUrl = await databases.fresh('drain');
      defer(() => databases.drop(databaseUrl));
      const queueUrl = await databases.fresh('drain_queue');
      defer(() => databases.drop(queueUrl));
      const a = await ourSide(bench, { databaseUrl, sandboxUrl }, defer);
      const b = await queueSide(bench, { databaseUrl: queueUrl, sandboxUrl }, defer);
      const rate = { a, b, metric: 'perSecond', unit: '/s', target: 1.3 };
      const name = 'backlog drained ÷ graphile-worker';
      return {
        comparisons: [{ id: 'R4.drain', name, ...rate }],
        async check() {
          const { requested, completed, settled } = await logCounts(databaseUrl);
          if (completed === requested && settled === requested)
            return audit({ databases, databaseUrl, settled: true, sandboxUrl });
          return [`of ${requested} requested ${completed} completed and ${settled} settled`];
        },
      };
    }),
};

interface Place {
  readonly databaseUrl: string;
  readonly sandboxUrl: string;
}

async function ourSide(bench: Bench, place: Place, defer: Defer): Promise<Side> {
  const { databases, settings } = bench;
  const doors = await startModelRoute({ databases, ...place, roles: ['command-api'] });
  defer(() => doors.stop());
  const submissions = submissionsOf(await createTenants(doors, TENANTS), 'drain');
  const roles = ['processors', 'projectors'];
  const workers = await startModelRoute({ databases, ...place, roles });
  defer(() => workers.stop());
  const progress = await followLog(place.databaseUrl);
  defer(() => progress.close());
  let perSecond = 0;
  return {
    name: 'executions drained/s',
    async measure(warmUp) {
      const count = warmUp ? WARM_UP_BACKLOG : Math.ceil(perSecond * settings.seconds);
      await progress.mark();
      workers.pause();
      const { answers } = await closedLoop({
        url: doors.url,
        clients: CLIENTS,
        seconds: INGRESS_SECONDS_MAX,
        answersMax: count,
        next: submissions.fresh,
        accept: (status) => status === 202,
      });
      workers.resume();
      const { firstMs, firstCount, readableMs } = await progress.done(answers);
      perSecond = ((answers - firstCount) * 1000) / (readableMs - firstMs);
      return { perSecond };
    },
  };
}

async function queueSide(bench: Bench, place: Place, defer: Defer): Promise<Side> {
  const { databaseUrl: url, sandboxUrl } = place;
  const part = await startQueue({ url, sandboxUrl, batching: true });
  defer(() => part.stop());
  let perSecond = 0;
  return {
    name: 'graphile-worker jobs drained/s',
    async measure(warmUp) {
      const count = warmUp ? WARM_UP_BACKLOG : Math.ceil(perSecond * bench.settings.seconds);
      await query(url, 'TRUNCATE results');
      const { answers } = await closedLoop({
        url: part.ready,
        clients: CLIENTS,
        seconds: INGRESS_SECONDS_MAX,
        answersMax: count,
        next: queued,
        accept: (status) => status === 202,
      });
      const drained = resultsDone(url, answers);
      await part.ask({ work: true });
      const { firstMs, firstCount, endMs } = await drained;
      await part.ask({ work: false });
      perSecond = ((answers - firstCount) * 1000) / (endMs - firstMs);
      return { perSecond };
    },
  };
}
