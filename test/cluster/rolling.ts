/**
 * Every process is replaced in turn (SIGTERM, then its successor is ready) while requests come at a
 * fixed rate, whoever is slow. One that fails is sent once more, under the same key, after the time
 * that its answer names: then it must succeed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Tenant } from '../../testing/client.js';
import { textOf } from '../testing/executions.js';
import type { System } from '../../testing/system.js';
import { leversOf } from './levers.js';

export interface RollingOptions {
  readonly perSecond: number;
  /** Names of those that are replaced, in order. */
  readonly parts: readonly string[];
  readonly tenants: readonly Tenant[];
}

export interface RollingReport {
  readonly replaced: readonly { readonly name: string; readonly ms: number }[];
  readonly sent: number;
  /** Failed at first and succeeded when they were sent again. */
  readonly cured: readonly string[];
  /** Failed twice. */
  readonly failed: readonly string[];
  readonly slowestMs: number;
  readonly accepted: readonly string[];
}

const BETWEEN_MS = 500;
const READS_SHARE = 3;

interface Tally {
  sent: number;
  slowestMs: number;
  readonly cured: string[];
  readonly failed: string[];
  readonly accepted: { readonly id: string; readonly tenant: Tenant }[];
}

export async function rollingRestart(
  system: System,
  options: RollingOptions,
): Promise<RollingReport> {
  const levers = leversOf(system);
  const tally: Tally = { sent: 0, slowestMs: 0, cured: [], failed: [], accepted: [] };
  const stopped = new AbortController();
  const loading = sendSteadily(options, tally, stopped.signal);
  const replaced: { name: string; ms: number }[] = [];
  try {
    for (const name of options.parts) {
      await sleep(BETWEEN_MS);
      const from = performance.now();
      const pid = levers.pidOf(name);
      levers.signal(name, 'SIGTERM');
      await levers.replaced(name, pid);
      replaced.push({ name, ms: Math.round(performance.now() - from) });
    }
    await sleep(BETWEEN_MS);
  } finally {
    stopped.abort();
    await loading;
  }
  const { accepted, ...rest } = tally;
  return { replaced, ...rest, accepted: accepted.map(({ id }) => id) };
}

async function sendSteadily(
  { perSecond, tenants }: RollingOptions,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const sending = new Set<Promise<void>>();
  const began = performance.now();
  while (!signal.aborted) {
    while (tally.sent < ((performance.now() - began) * perSecond) / 1000) {
      const one = sendOne(tally, tenants, tally.sent++).finally(() => sending.delete(one));
      sending.add(one);
    }
    await sleep(2);
  }
  await Promise.all(sending);
}

async function sendOne(tally: Tally, tenants: readonly Tenant[], n: number): Promise<void> {
  const tenant = tenants[n % tenants.length];
  if (!tenant) throw new Error('a load without tenants');
  const known = tally.accepted[Math.floor((n * 7919) % Math.max(1, tally.accepted.length))];
  if (known && n % READS_SHARE === 0) {
    await withOneRetry(tally, `GET ${known.id}`, 200, () => known.tenant.api.execution(known.id));
    return;
  }
  const submit = () => tenant.api.submit(textOf(`Rolling on, ${n}`), `rolling-${n}`);
  const answer = await withOneRetry(tally, `POST rolling-${n}`, 202, submit);
  if (answer) tally.accepted.push({ id: answer.body.id, tenant });
}

async function withOneRetry<T>(
  tally: Tally,
  what: string,
  wanted: number,
  ask: () => Promise<Answer<T>>,
): Promise<Answer<T> | undefined> {
  const first = await timed(tally, ask);
  if (isAnswer(first) && first.status === wanted) return first;
  const wait = isAnswer(first) ? Number(first.headers['retry-after'] ?? 0) * 1000 : 0;
  await sleep(wait || 100);
  const second = await timed(tally, ask);
  const story = `${what}: ${told(first)}, then ${told(second)}`;
  if (isAnswer(second) && second.status === wanted) {
    tally.cured.push(story);
    return second;
  }
  tally.failed.push(story);
  return undefined;
}

async function timed<T>(tally: Tally, ask: () => Promise<Answer<T>>): Promise<Answer<T> | Error> {
  const from = performance.now();
  const answer = await ask().catch((error: unknown) => error as Error);
  tally.slowestMs = Math.max(tally.slowestMs, Math.round(performance.now() - from));
  return answer;
}

const isAnswer = <T>(one: Answer<T> | Error): one is Answer<T> => !(one instanceof Error);

const told = <T>(one: Answer<T> | Error): string =>
  isAnswer(one) ? `${one.status} ${one.text.slice(0, 200)}` : String(one);
