/**
 * The part of `make storm` in which the event store comes and goes under a steady load: a single
 * server that is frozen or does not index for a moment, ten times, and once for long; then the
 * leader of three, killed, frozen and ended politely. Afterwards every accepted execution must be
 * completed, none twice at the provider, and the auditor must find nothing.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  startDoubleCluster,
  type LeaderStrike,
} from '../../infra/event-store/testing/double/cluster.js';
import { startEventStoreDouble } from '../../infra/event-store/testing/double/double.js';
import { allCalls, behave } from '../../sandbox/testing/behaviour.js';
import { atEnd } from '../../testing/at-end.js';
import { newTenant, TERMINAL, type ExecutionBody } from '../../testing/client.js';
import { eventually } from '../../testing/eventually.js';
import { startSystem, type System } from '../../testing/system.js';
import { figuresOf, startOpenLoop, type OpenLoop } from './open-loop.js';

const { env } = process;
const seconds = Number(env['STORM_STORE_SECONDS'] ?? 60);
const wanted = new RegExp(env['STORM_STORE_FAULTS'] ?? '');

const TENANTS = 2;
const STALLS = 10;
const STALL_MS = 1_500;
const STALL_P99_MS_MAX = 1_800;
const OUTAGE_MS = 6_000;
const AFTER_OUTAGE_MS_MAX = 500;
const AFTER_ELECTION_MS_MAX = 5_000;
const ELECTION_MS = 2_000;
const FROZEN_MS = 8_000;
const CALM_MS = 5_000;
/** A hold whose request was not accepted is found out within a minute; then it takes a moment. */
const CALM_DEADLINE_MS = 100_000;
const WORDS_MAX = 160;

const STRIKES: readonly LeaderStrike[] = ['killed', 'frozen', 'ended'];

/** What the store does, while a load is on it; the time from which all must be well again. */
interface Fault {
  readonly name: string;
  readonly strike: () => Promise<number>;
  /** After that; a fault that nobody may notice has none at all. */
  readonly unavailableMsMax?: number;
  readonly p99MsMax?: number;
}

interface Scene {
  readonly system: System;
  readonly load: OpenLoop;
}

/** The number of findings, which are printed. */
export async function eventStoreStorm(): Promise<number> {
  if (seconds === 0) return 0;
  const findings = [...(await ofSingle()), ...(await ofCluster())];
  for (const one of findings.slice(0, 100)) console.log(`FINDING ${one}`);
  return findings.length;
}

async function ofSingle(): Promise<readonly string[]> {
  const folder = await newFolder();
  const double = await startEventStoreDouble({ dir: join(folder, 'log') });
  atEnd(() => double.close());
  const frozen = async (forMs: number) => {
    double.freeze();
    await sleep(forMs);
    double.thaw();
  };
  const stalls = async (one: () => Promise<void>) => {
    const eachMs = (seconds * 1_000) / STALLS;
    for (let n = 0; n < STALLS; n++) {
      await one();
      await sleep(Math.max(1_000, eachMs - STALL_MS));
    }
    return performance.now();
  };
  const unnoticed = { p99MsMax: STALL_P99_MS_MAX };
  return underLoad(double.url, 50, [
    { name: 'nothing', strike: () => stalls(async () => undefined), ...unnoticed },
    {
      name: `frozen for ${STALL_MS} ms`,
      strike: () => stalls(() => frozen(STALL_MS)),
      ...unnoticed,
    },
    {
      name: `does not index for ${STALL_MS} ms`,
      strike: () =>
        stalls(async () => {
          await double.stall(STALL_MS);
          await sleep(STALL_MS);
        }),
      ...unnoticed,
    },
    {
      name: `frozen for ${OUTAGE_MS} ms`,
      async strike() {
        await frozen(OUTAGE_MS);
        return performance.now();
      },
      unavailableMsMax: AFTER_OUTAGE_MS_MAX,
    },
  ]);
}

async function ofCluster(): Promise<readonly string[]> {
  const folder = await newFolder();
  const cluster = await startDoubleCluster(join(folder, 'log'));
  atEnd(() => cluster.close());
  const faults = STRIKES.map((strike): Fault => ({
    name: `leader ${strike}`,
    async strike() {
      const struckAt = performance.now();
      await cluster.strikeLeader(strike, ELECTION_MS);
      const leadsAt = performance.now();
      if (strike === 'frozen') await sleep(struckAt + FROZEN_MS - leadsAt);
      await sleep(AFTER_ELECTION_MS_MAX);
      await cluster.whole();
      return leadsAt;
    },
    unavailableMsMax: AFTER_ELECTION_MS_MAX,
  }));
  return underLoad(cluster.url, 30, faults);
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'modelroute-event-store-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function underLoad(
  url: string,
  perSecond: number,
  faults: readonly Fault[],
): Promise<readonly string[]> {
  const chosen = faults.filter(({ name }) => wanted.test(name));
  if (chosen.length === 0) return [];
  const system = await startSystem({ env: { EVENTSTORE_URL: url } });
  await behave(system.sandboxUrl, { aurora: { latency: 20 }, borealis: { latency: 20 } });
  const tenants = await Promise.all(
    Array.from({ length: TENANTS }, () => newTenant(system, '1000')),
  );
  const load = startOpenLoop(tenants, perSecond);
  await sleep(CALM_MS);
  const scene = { system, load };
  const findings: string[] = [];
  for (const fault of chosen) findings.push(...(await suffer(scene, fault)));
  await load.stop();
  findings.push(...(await whatIsWrong(scene)));
  const stopAt = performance.now();
  const code = await system.stop();
  console.log(`stopped after ${Math.round(performance.now() - stopAt)} ms`);
  return code === 0 ? findings : [...findings, `it ended with ${code}`];
}

async function suffer({ system, load }: Scene, fault: Fault): Promise<readonly string[]> {
  const { name, unavailableMsMax, p99MsMax = Infinity } = fault;
  const [firstAnswer, firstLine] = [load.answered.length, system.lines().length];
  const endedAt = await fault.strike();
  await sleep(CALM_MS);
  const figures = figuresOf(load.answered.slice(firstAnswer));
  const { count, unavailable, others, p50Ms, p99Ms, slowestMs } = figures;
  const lastMs = Math.round(Math.max(...unavailable.map(({ at }) => at)) - endedAt);
  const last = unavailable.length > 0 ? `, the last ${lastMs} ms after the end` : '';
  console.log(
    `${name}: ${count} answers, p50 ${p50Ms} ms, p99 ${p99Ms} ms, slowest ${slowestMs} ms, ` +
      `${unavailable.length} 503${last}, ${others.length} others`,
  );
  for (const line of saidSince(system, firstLine)) console.log(`  ${line}`);
  const isLate = unavailable.length > 0 && lastMs > (unavailableMsMax ?? -Infinity);
  return [
    ...(isLate ? [`${name}: ${unavailable.length} 503${last}`] : []),
    ...(p99Ms > p99MsMax ? [`${name}: p99 ${p99Ms} ms`] : []),
    ...[...new Set(others.map(({ status, what }) => `${name}: a ${what} was answered ${status}`))],
  ];
}

/** How often each warning was logged, and of what kind. */
function saidSince(system: System, firstLine: number): readonly string[] {
  const said = new Map<string, number>();
  for (const line of system.lines().slice(firstLine)) {
    const { level, msg, err, error } = readLine(line);
    if (level === 'info') continue;
    const what = [level, msg, err?.message ?? error].filter(Boolean).join(': ').slice(0, WORDS_MAX);
    said.set(what, (said.get(what) ?? 0) + 1);
  }
  return [...said].map(([what, times]) => `${times} × ${what}`);
}

interface Line {
  readonly level?: string;
  readonly msg: string;
  readonly err?: { readonly message: string };
  readonly error?: string;
}

const readLine = (line: string): Line =>
  line.startsWith('{') ? (JSON.parse(line) as Line) : { msg: line };

async function whatIsWrong({ system, load }: Scene): Promise<readonly string[]> {
  const findings: string[] = [];
  const ids = new Set(load.accepted.map(({ id }) => id));
  const tenants = [...new Set(load.accepted.map(({ tenant }) => tenant))];
  const listed = await eventually(
    'every execution is over and every hold has ended',
    async () => {
      await sleep(500);
      const balances = await Promise.all(tenants.map(({ api }) => api.balance()));
      if (balances.some(({ held }) => held !== '0.000')) return undefined;
      const all = tenants.map(({ api }) => api.all<ExecutionBody>('/executions'));
      const executions = (await Promise.all(all)).flat();
      const isOpen = executions.some(({ status }) => !TERMINAL.includes(status));
      return isOpen ? undefined : executions;
    },
    CALM_DEADLINE_MS,
  );
  const completed = listed.filter(({ status }) => status === 'COMPLETED');
  const done = new Set(completed.map(({ id }) => id));
  for (const id of ids) if (!done.has(id)) findings.push(`${id} was accepted, not completed`);
  const paid = new Map<string, number>();
  for (const { dispatchKey, paid: isPaid } of await allCalls(system.sandboxUrl)) {
    const id = dispatchKey?.split('.')[0] ?? '';
    if (isPaid) paid.set(id, (paid.get(id) ?? 0) + 1);
  }
  for (const [id, times] of paid) if (times > 1) findings.push(`${id} was paid ${times} times`);
  for (const id of done) if (!paid.has(id)) findings.push(`${id} was never paid`);
  console.log(`${ids.size} accepted, ${done.size} completed, ${paid.size} paid`);
  const { code, output } = await system.command('verify', '--settled');
  if (code !== 0) findings.push(`verify exits ${code}: ${output}`);
  return findings;
}
