/**
 * What a cluster costs that has nothing to do: a table of every process's share of a core.
 *
 *   node --import tsx test/cluster/idle.ts      IDLE_SECONDS (60), MODELROUTE_CLUSTER
 *
 * Fails when a role uses 2 % or more. Linux alone counts the way this reads it.
 */
import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { runEndings } from '../../testing/at-end.js';
import { eventually } from '../../testing/eventually.js';
import { startSystem, type System } from '../../testing/system.js';
import { isReplica, leversOf } from './levers.js';
import { tableOf } from './table.js';

/** Of the kernel's accounting, on every Linux that runs Node. */
const TICKS_PER_SECOND = 100;
const ROLE_PERCENT_MAX = 2;
const DEMO_MS = 60_000;
/** What was begun is over, unneeded connections are closed, what runs often is compiled. */
const SETTLE_MS = 30_000;

const { env } = process;
const seconds = Number(env['IDLE_SECONDS'] ?? 60);

try {
  const cluster = env['MODELROUTE_CLUSTER'] ?? 'full';
  const system = await startSystem({ cluster, env: { MODELROUTE_DEMO: '1' } });
  const isDone = () => system.messages().some((message) => message.startsWith('demo: done'));
  await eventually('the demo is done', isDone, DEMO_MS);
  await sleep(SETTLE_MS);
  const shares = await sharesOf(system);
  const rows = [...shares].map(([name, percent]) => [name, percent.toFixed(2)]);
  console.log(tableOf(['process', `% of a core, idle for ${seconds} s`], rows));
  const busy = [...shares].filter(
    ([name, percent]) => isReplica(name) && percent >= ROLE_PERCENT_MAX,
  );
  for (const [name, percent] of busy) console.log(`${name} uses ${percent.toFixed(2)} %`);
  process.exitCode = busy.length === 0 ? 0 : 1;
} finally {
  await runEndings();
}

async function sharesOf(system: System): Promise<ReadonlyMap<string, number>> {
  const trees = await treesOf(system);
  const before = await Promise.all([...trees].map(([, pids]) => ticksOf(pids)));
  await sleep(seconds * 1000);
  const after = await Promise.all([...trees].map(([, pids]) => ticksOf(pids)));
  return new Map(
    [...trees.keys()].map((name, at) => {
      const ticks = (after[at] ?? 0) - (before[at] ?? 0);
      return [name, (ticks * 100) / TICKS_PER_SECOND / seconds];
    }),
  );
}

/** Every part with the processes below it; the balancer is the cluster's own process. */
async function treesOf(system: System): Promise<ReadonlyMap<string, readonly number[]>> {
  const levers = leversOf(system);
  const parents = await parentsOf();
  const below = (pid: number): number[] => [
    pid,
    ...parents.filter(([, parent]) => parent === pid).flatMap(([child]) => below(child)),
  ];
  const parts = levers.parts().toSorted();
  return new Map([
    ...parts.map((name) => [name, below(levers.pidOf(name) ?? 0)] as const),
    ['postgresql', below(await system.postmasterPid())],
    ['balancer', [system.pid]],
  ]);
}

async function parentsOf(): Promise<readonly (readonly [pid: number, parent: number])[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const read = pids.map(async (pid) => [pid, Number((await statOf(pid))[1] ?? 0)] as const);
  return Promise.all(read);
}

/** Time in user and system mode, that of its waited-for children included. */
async function ticksOf(pids: readonly number[]): Promise<number> {
  const stats = await Promise.all(pids.map(statOf));
  return stats.reduce((sum, stat) => sum + Number(stat[11] ?? 0) + Number(stat[12] ?? 0), 0);
}

/** The fields behind the name, state first; none of a process that has ended. */
async function statOf(pid: number): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
