/**
 * 64 hostile clients of one tenant beside the normal traffic of another. Hostile answers are
 * refusals and never a 5xx; a whole request is answered within two seconds; the normal p99 is at
 * most three times what it was alone; memory is bounded.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { newTenant, type Client } from '../../testing/client.js';
import type { System } from '../../testing/system.js';
import type { BurningTask, HostileReport, HostileTask } from './hostile-process.js';
import { unlimitedTenant } from './unlimited-tenant.js';

const MB = 1024 * 1024;
const CLIENTS = 64;
const PHASE_MS = 15_000;
const NORMAL_PER_SECOND = 40;
const P99_RATIO_MAX = 3;
/** Below this a ratio of two figures says nothing. */
const P99_FLOOR_MS = 20;
const ANSWER_MS_MAX = 2_000;
const GROWTH_BYTES_MAX = 400 * MB;

export async function hostileClients(system: System): Promise<readonly string[]> {
  const [normal, hostile] = [await unlimitedTenant(system), await newTenant(system)];
  await normalTraffic(normal.api, PHASE_MS / 3);
  const before = await normalTraffic(normal.api, PHASE_MS);
  const restingBytes = await residentBytes(system.pid);
  const attacker = await openAttacker();
  const attack = attacker.attack({
    port: Number(new URL(system.baseUrl).port),
    apiKey: hostile.api.apiKey,
    clients: CLIENTS,
    forMs: PHASE_MS + 1_000,
  });
  const memory = watchMemory(system.pid);
  const beside = await normalTraffic(normal.api, PHASE_MS);
  const report = await attack;
  const peakBytes = await memory.peak();
  // The load generators have the same processors as the server: what that alone does is no harm.
  const burning = attacker.burn({ burnShare: report.processorShare, forMs: PHASE_MS + 1_000 });
  const floor = await normalTraffic(normal.api, PHASE_MS);
  await burning;
  attacker.end();
  const mb = (bytes: number) => Math.round(bytes / MB);
  const share = report.processorShare.toFixed(2);
  console.log(
    `normal p99 ${before.p99Ms.toFixed(1)} ms alone, ${beside.p99Ms.toFixed(1)} ms beside ` +
      `${CLIENTS} hostile clients, ${floor.p99Ms.toFixed(1)} ms beside a process that takes as ` +
      `much of the processors (${share} of one); memory ${mb(restingBytes)} → ` +
      `${mb(peakBytes)} MB; hostile answers ${JSON.stringify(report.statuses)}, ` +
      `slowest ${Math.round(report.slowestMs)} ms`,
  );
  const bound = Math.max(P99_FLOOR_MS, before.p99Ms) * P99_RATIO_MAX;
  const serverErrors = Object.keys(report.statuses).filter((key) => / 5\d\d$/.test(key));
  return [
    ...serverErrors.map((key) => `a hostile client was answered ${key}`),
    ...[...before.wrong, ...beside.wrong, ...floor.wrong],
    ...(beside.p99Ms > bound ? [`normal p99 is ${beside.p99Ms} ms, more than ${bound}`] : []),
    ...(report.slowestMs > ANSWER_MS_MAX ? [`an answer took ${report.slowestMs} ms`] : []),
    ...(peakBytes - restingBytes > GROWTH_BYTES_MAX ? [`memory grew to ${mb(peakBytes)} MB`] : []),
  ];
}

interface Traffic {
  readonly p99Ms: number;
  readonly wrong: readonly string[];
}

/** Submissions and reads at a steady rate, timed from when each was due. */
async function normalTraffic(api: Client, forMs: number): Promise<Traffic> {
  const startMs = performance.now();
  const count = Math.floor((forMs / 1_000) * NORMAL_PER_SECOND);
  const wrong: string[] = [];
  let last = '';
  const ask = async (n: number): Promise<number> => {
    const dueMs = startMs + (n * 1_000) / NORMAL_PER_SECOND;
    await pause(Math.max(0, dueMs - performance.now()));
    const body = { model: 'text-generation-standard', input: { prompt: `${n}` } };
    const paths = ['/models', '/executions?limit=20', last && `/executions/${last}`];
    const path = paths[n % 4];
    const answer = path
      ? await api.call('GET', path)
      : await api.submit(body, `${Math.round(startMs)}-${n}`);
    if (answer.status >= 300)
      wrong.push(`normal traffic: ${path ?? 'submission'} ${answer.status}`);
    if (!path) last = (answer.body as unknown as { id: string }).id;
    return performance.now() - dueMs;
  };
  const times = await Promise.all(Array.from({ length: count }, (_, n) => ask(n)));
  times.sort((a, b) => a - b);
  return { p99Ms: times[Math.floor(times.length * 0.99)] ?? 0, wrong };
}

/** In a process of their own, so that they slow nobody down but the server. */
async function openAttacker() {
  const script = fileURLToPath(new URL('hostile-process.ts', import.meta.url));
  const child = fork(script, { execArgv: ['--import', 'tsx'] });
  await once(child, 'message');
  return {
    async attack(task: HostileTask): Promise<HostileReport> {
      child.send(task);
      const [report] = (await once(child, 'message')) as [HostileReport];
      return report;
    },
    async burn(task: BurningTask): Promise<void> {
      child.send(task);
      await once(child, 'message');
    },
    end: () => child.kill(),
  };
}

function watchMemory(pid: number) {
  let peakBytes = 0;
  const look = async () => void (peakBytes = Math.max(peakBytes, await residentBytes(pid)));
  const timer = setInterval(() => void look(), 200);
  return {
    async peak() {
      clearInterval(timer);
      await look();
      return peakBytes;
    },
  };
}

async function residentBytes(pid: number): Promise<number> {
  const [, pages = '0'] = (await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ');
  return Number(pages) * 4096;
}
