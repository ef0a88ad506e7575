/**
 * R13: what a long log costs. Accepts, accepts on one account, reads by id, and all read models
 * made anew, with so many events in the log (BENCH_GROWTH, a million unless it is set) against the
 * same with 10,000. Each log has a process that answers commands and reads; read models are made
 * by others. What accepts add to the short log is kept away from the one of the read models.
 */
import { audit } from '../audit.js';
import type { Bench, Cell, Comparison, Side } from '../cell.js';
import { query } from '../database.js';
import { withDefer, type Defer } from '../defer.js';
import { growLog, type GrownLog } from '../grown-log.js';
import { closedLoop, type LoadRequest } from '../load.js';
import { createTenants, startModelRoute } from '../modelroute.js';
import { makeReadModels, readModelSide } from '../read-model-work.js';
import { CLIENTS } from '../settings.js';
import { submissionsOf } from '../submissions.js';
import { turnSeconds } from './accepts.js';

const EVENTS = 1_000_000;
const FEW = 10_000;
const TENANTS = 16;
const READ = 4_000;
const TARGET = 0.9;

export const growth: Cell = {
  ids: ['R13.accepts', 'R13.account', 'R13.reads', 'R13.catch-up', 'R13.rebuild'],
  title: 'Growth of the log',
  onRequest: true,
  open: (bench, wants) =>
    withDefer(async (defer) => {
      const { databases, settings } = bench;
      const grow = async (name: string, events: number): Promise<GrownLog> => {
        const url = await databases.fresh(name);
        defer(() => databases.drop(url));
        const began = performance.now();
        const grown = await growLog(bench, url, events);
        await makeReadModels(url, 'catch-up');
        const seconds = (performance.now() - began) / 1_000;
        console.log(`    ${grown.events} events and their read models in ${seconds.toFixed(0)} s`);
        return grown;
      };
      const many = await grow('growth_many', settings.growthEvents ?? EVENTS);
      const few = await grow('growth_few', FEW);
      const kept = await grow('growth_kept', FEW);
      const [a, b] = [await served(bench, many, defer), await served(bench, few, defer)];
      const ratio = { metric: 'perSecond', unit: '/s', target: TARGET };
      const than = `with ${many.events} events in the log ÷ with ${few.events}`;
      const all: readonly Comparison[] = [
        { id: 'R13.accepts', name: `accepts ${than}`, a: a.accepts, b: b.accepts, ...ratio },
        { id: 'R13.account', name: `on one account ${than}`, a: a.account, b: b.account, ...ratio },
        { id: 'R13.reads', name: `reads by id ${than}`, a: a.reads, b: b.reads, ...ratio },
        ...(['catch-up', 'rebuild'] as const).map((way) => ({
          id: `R13.${way}`,
          name: `${way} ${than}`,
          a: readModelSide(many, way),
          b: readModelSide(kept, way),
          ...ratio,
        })),
      ];
      return {
        comparisons: all.filter(({ id }) => wants(id)),
        check: () => audit({ databases, databaseUrl: many.url, settled: false }),
      };
    }),
};

type Served = Readonly<Record<'accepts' | 'account' | 'reads', Side>>;

async function served(bench: Bench, grown: GrownLog, defer: Defer): Promise<Served> {
  const { databases } = bench;
  const { url: databaseUrl, events } = grown;
  const began = performance.now();
  const system = await startModelRoute({
    databases,
    databaseUrl,
    roles: ['command-api', 'query-api'],
  });
  defer(() => system.stop());
  console.log(`    ready with ${events} events in ${(performance.now() - began).toFixed(0)} ms`);
  const submissions = submissionsOf(await createTenants(system, TENANTS), 'growth');
  const requests = await readsOf(grown);
  let turns = 0;

  async function load(next: (n: number) => LoadRequest, warmUp: boolean, status: number) {
    const { perSecond, p99Ms } = await closedLoop({
      url: system.url,
      clients: CLIENTS,
      seconds: turnSeconds(bench, warmUp),
      next,
      accept: (is) => is === status,
    });
    return { perSecond, p99Ms };
  }

  return {
    accepts: {
      name: `accepts with ${events}`,
      measure: (warmUp) => load(submissions.fresh, warmUp, 202),
    },
    account: {
      name: `accepts on one account with ${events}`,
      async measure(warmUp) {
        const tenants = await createTenants(system, 1);
        return load(submissionsOf(tenants, `one-${turns++}`).fresh, warmUp, 202);
      },
    },
    reads: { name: `reads with ${events}`, measure: (warmUp) => load(requests, warmUp, 200) },
  };
}

/** Some of the executions that are there, in no order. */
async function readsOf({ url, tenants }: GrownLog): Promise<(n: number) => LoadRequest> {
  const keys = new Map(tenants.map(({ organizationId, apiKey }) => [organizationId, apiKey]));
  const rows = await query<{ id: string; organization_id: string }>(
    url,
    'SELECT id, organization_id FROM readmodel.executions ORDER BY md5(id) LIMIT $1',
    [READ],
  );
  const requests = rows.map(({ id, organization_id: organizationId }): LoadRequest => {
    const headers = { authorization: `Bearer ${keys.get(organizationId)}` };
    return { method: 'GET', path: `/v1/executions/${id}`, headers };
  });
  return (n) => {
    const request = requests[n % requests.length];
    if (!request) throw new Error('there is nothing to read');
    return request;
  };
}
