/**
 * R11: the 99th percentile of accepts while all read models are rebuilt, asked for by the admin API
 * and made by the same process, against that of the same process at rest. Open loop, at half of
 * what the process completes; all roles but the sandbox.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { audit } from '../audit.js';
import type { Bench, Cell, Side } from '../cell.js';
import { query } from '../database.js';
import { withDefer } from '../defer.js';
import { growLog } from '../grown-log.js';
import { openLoop } from '../load.js';
import { makeReadModels } from '../read-model-work.js';
import { CLIENTS } from '../settings.js';
import { openExecutions, type Executions } from './executions.js';
import { startSandboxPart } from './sandbox.js';

const EVENTS = 100_000;
/** Completed once, to know the rate. */
const PROBE = 2_000;

export const acceptsBesideRebuild: Cell = {
  ids: ['R11'],
  title: 'Accepts while read models are rebuilt',
  onRequest: true,
  open: (bench) =>
    withDefer(async (defer) => {
      const { databases, settings } = bench;
      const databaseUrl = await databases.fresh('rebuilding');
      defer(() => databases.drop(databaseUrl));
      const grown = await growLog(bench, databaseUrl, settings.growthEvents ?? EVENTS);
      await makeReadModels(databaseUrl, 'catch-up');
      const sandboxUrl = await startSandboxPart(bench, defer);
      const ours = await openExecutions(bench, { databaseUrl, sandboxUrl }, defer);
      await treeGrown(databaseUrl);
      await ours.burst(PROBE);
      const { perSecond } = await ours.burst(PROBE);
      const take = () => acceptsAt(bench, ours, perSecond / 2);
      const rebuilds = openRebuilds(ours);
      const beside: Side = {
        name: `accepts while ${grown.events} events are rebuilt from`,
        async measure() {
          await rebuilds.begin();
          const taken = await take();
          await rebuilds.expectUnderWay();
          return taken;
        },
      };
      const alone: Side = {
        name: 'accepts at rest',
        async measure() {
          await rebuilds.done();
          return take();
        },
      };
      return {
        comparisons: [
          {
            id: 'R11',
            name: `accept p99 while a log of ${grown.events} is rebuilt ÷ at rest`,
            a: beside,
            b: alone,
            metric: 'p99Ms',
            unit: ' ms',
            target: 2,
            atMost: true,
          },
        ],
        async check() {
          const unequal = await rebuilds.done();
          return [...unequal, ...(await audit({ databases, databaseUrl, settled: false }))];
        },
        notes: () => [`R11: at ${Math.round(perSecond / 2)} submissions/s; ${rebuilds.told()}`],
      };
    }),
};

async function acceptsAt({ settings }: Bench, ours: Executions, perSecond: number) {
  const { answers, p50Ms, p99Ms, lagP99Ms } = await openLoop({
    url: ours.url,
    clients: CLIENTS,
    seconds: settings.seconds * 2,
    perSecond,
    next: ours.submissions.fresh,
    accept: (status) => status === 202,
  });
  ours.addAccepted(answers);
  return { p50Ms, p99Ms, lagP99Ms };
}

const POLL_MS = 200;
const GROWN_MS_MAX = 1_800_000;

/** A process that has run for long has its tree; what grows it would slow both sides. */
async function treeGrown(url: string): Promise<void> {
  const began = performance.now();
  for (;;) {
    const [row] = await query<{ left: string }>(
      url,
      'SELECT (SELECT max(position) FROM eventstore.events) - position AS left FROM proof.tree',
    );
    if (Number(row?.left ?? Infinity) <= 0) break;
    if (performance.now() - began > GROWN_MS_MAX) throw new Error('the tree does not grow');
    await pause(POLL_MS);
  }
  console.log(`    the tree grew in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
}

interface Projection {
  readonly name: string;
  readonly lag: string;
  readonly rebuild: {
    readonly requested: boolean;
    readonly error: string | null;
    readonly under_way: { readonly percent: number; readonly seconds_left: number | null } | null;
    readonly last: {
      readonly seconds: number;
      readonly compared: { readonly equal: boolean } | null;
    } | null;
  };
}

/** Asks for rebuilds of all read models, as an operator does. */
function openRebuilds({ url, adminKey }: Executions) {
  const shown = new Set<string>();
  const seconds: number[] = [];

  async function operate<T>(method: string, path: string): Promise<T> {
    const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/admin/v1${path}`, {
      method,
      headers,
      ...(method === 'POST' && { body: '{}' }),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async function look(): Promise<readonly Projection[]> {
    const { data } = await operate<{ data: Projection[] }>('GET', '/projections');
    for (const { name, rebuild } of data) {
      const { percent, seconds_left: left } = rebuild.under_way ?? {};
      if (percent) shown.add(`${name} ${percent} %, ${left} s left`);
    }
    return data;
  }

  const isUnderWay = ({ rebuild }: Projection): boolean => rebuild.under_way !== null;

  return {
    async begin(): Promise<void> {
      if (!(await look()).some(({ rebuild }) => rebuild.requested))
        await operate('POST', '/projections/rebuild');
      while (!(await look()).some(isUnderWay)) await pause(POLL_MS);
    },
    async expectUnderWay(): Promise<void> {
      const all = await look();
      if (all.some(({ rebuild }) => rebuild.requested)) return;
      throw new Error('the rebuilds were over before the load: ask for more events');
    },
    /** Waits for those under way; one sentence for each that was not what it had been. */
    async done(): Promise<readonly string[]> {
      let all = await look();
      while (all.some(({ rebuild }) => rebuild.requested)) {
        await pause(POLL_MS);
        all = await look();
      }
      const took = all.reduce((sum, { rebuild }) => sum + (rebuild.last?.seconds ?? 0), 0);
      if (took > 0) seconds.push(took);
      return all.flatMap(({ name, rebuild }) => {
        if (rebuild.error) return [`the rebuild of ${name} failed: ${rebuild.error}`];
        return rebuild.last?.compared?.equal === false ? [`${name} was rebuilt differently`] : [];
      });
    },
    told(): string {
      const some = [...shown].slice(0, 3).join('; ');
      const most = Math.max(0, ...seconds).toFixed(0);
      return `all rebuilds took ${most} s at most, and showed ${shown.size} states, as ${some}`;
    },
  };
}
