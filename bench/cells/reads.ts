/**
 * R7: a completed execution read by its id, the query API alone in its process, against a bare http
 * server that selects the same row by its primary key. Requests per second in a closed loop of 64
 * clients; the 99th percentile in an open loop, at half of what the slower side can do, the same
 * rate for both.
 */
import { audit } from '../audit.js';
import type { SelectConfig } from '../baselines/select-by-key.js';
import { startPart } from '../children.js';
import { query } from '../database.js';
import { withDefer, type Defer } from '../defer.js';
import type { Bench, Cell, Side } from '../cell.js';
import { closedLoop, openLoop, type LoadRequest } from '../load.js';
import { followLog } from '../log-progress.js';
import { createTenants, startModelRoute, WORKING_ROLES } from '../modelroute.js';
import { CLIENTS } from '../settings.js';
import { submissionsOf } from '../submissions.js';
import { turnSeconds } from './accepts.js';
import { startSandboxPart } from './sandbox.js';

const TENANTS = 16;
const EXECUTIONS = 4_000;
const SETUP_SECONDS_MAX = 120;
/** Connections of the baseline's pool; more gained nothing on two cores. */
const CONNECTIONS = 10;
const PATH = '/v1/executions/';

export const reads: Cell = {
  ids: ['R7', 'R7.p99'],
  title: 'Reads by id',
  open: (bench) =>
    withDefer(async (defer) => {
      const { databases } = bench;
      const databaseUrl = await databases.fresh('reads');
      defer(() => databases.drop(databaseUrl));
      const requests = await completedOnes(bench, databaseUrl, defer);
      const system = await startModelRoute({ databases, databaseUrl, roles: ['query-api'] });
      defer(() => system.stop());
      const config: SelectConfig = { url: databaseUrl, connections: CONNECTIONS };
      const part = await startPart<string, never, null>('baselines/select-by-key.js', config);
      defer(() => part.stop());
      const pace: Pace = { perSecond: Infinity, lags: [] };
      const a = readSide(bench, { name: 'GETs', url: system.url, requests }, pace);
      const b = readSide(bench, { name: 'raw SELECTs', url: part.ready, requests }, pace);
      const sides = { a, b };
      const name = 'GET /v1/executions/{id} ÷ raw primary-key SELECT';
      const rate = { metric: 'perSecond', unit: '/s', target: 0.9, here: 0.7 };
      const latency = { metric: 'p99Ms', unit: ' ms', target: 1.15, atMost: true };
      return {
        comparisons: [
          { id: 'R7', name, ...sides, ...rate },
          { id: 'R7.p99', name: `p99 of the same`, ...sides, ...latency },
        ],
        check: async () => [
          ...(await rightAnswers(system.url, requests)),
          ...(await audit({ databases, databaseUrl, settled: false })),
        ],
        notes: () => [
          `p99 at ${Math.round(pace.perSecond)} requests/s; the generator was at most ` +
            `${Math.max(...pace.lags).toFixed(1)} ms late (p99)`,
        ],
      };
    }),
};

/** Runs executions through the whole system, then stops it; answers with how each is read. */
async function completedOnes(bench: Bench, databaseUrl: string, defer: Defer) {
  const { databases } = bench;
  const sandboxUrl = await startSandboxPart(bench, defer);
  const options = { databases, databaseUrl, sandboxUrl, roles: WORKING_ROLES };
  const whole = await startModelRoute(options);
  const tenants = await createTenants(whole, TENANTS);
  const submissions = submissionsOf(tenants, 'r7');
  const progress = await followLog(databaseUrl);
  const { answers } = await closedLoop({
    url: whole.url,
    clients: CLIENTS,
    seconds: SETUP_SECONDS_MAX,
    answersMax: EXECUTIONS,
    next: submissions.fresh,
    accept: (status) => status === 202,
  });
  await progress.done(answers);
  await progress.close();
  await whole.stop();
  const keys = new Map(tenants.map(({ organizationId, apiKey }) => [organizationId, apiKey]));
  const rows = await query<{ id: string; organization_id: string }>(
    databaseUrl,
    'SELECT id, organization_id FROM readmodel.executions ORDER BY md5(id)',
  );
  return rows.map(({ id, organization_id: organizationId }): LoadRequest => {
    const headers = { authorization: `Bearer ${keys.get(organizationId)}` };
    return { method: 'GET', path: PATH + id, headers };
  });
}

interface Reader {
  readonly name: string;
  readonly url: string;
  readonly requests: readonly LoadRequest[];
}

/** Both sides' open loops run at the rate that the warm-ups found. */
interface Pace {
  perSecond: number;
  readonly lags: number[];
}

function readSide(bench: Bench, { name, url, requests }: Reader, pace: Pace): Side {
  const next = (n: number): LoadRequest => {
    const request = requests[n % requests.length];
    if (!request) throw new Error('there is nothing to read');
    return request;
  };
  const accept = (status: number) => status === 200;
  return {
    name,
    async measure(warmUp) {
      const load = { url, clients: CLIENTS, seconds: turnSeconds(bench, warmUp), next, accept };
      const { perSecond } = await closedLoop(load);
      if (warmUp) {
        pace.perSecond = Math.min(pace.perSecond, perSecond / 2);
        return { perSecond };
      }
      const { p99Ms, lagP99Ms } = await openLoop({ ...load, perSecond: pace.perSecond });
      pace.lags.push(lagP99Ms);
      return { perSecond, p99Ms, lagP99Ms };
    },
  };
}

const CHECKED = 100;

/** The last look: each is the execution that was asked for, and completed. */
async function rightAnswers(url: string, requests: readonly LoadRequest[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const { path, headers } of requests.slice(0, CHECKED)) {
    const answer = await fetch(url + path, { headers });
    const { id, status } = (await answer.json()) as { id?: string; status?: string };
    if (PATH + id !== path || status !== 'COMPLETED')
      wrong.push(`${path} was answered ${answer.status} with ${id} ${status}`);
  }
  return wrong;
}
