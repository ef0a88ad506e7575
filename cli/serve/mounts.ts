/** The pages beside the API: is it alive, is it ready, its figures, its reference. */
import type { Dependency, Infra } from '../../runtime/infra.js';
import type { Mount, Reply } from '../../http/server/route.js';
import { keyCheck } from '../../http/server/operator-auth.js';
import type { Keys } from './keys.js';
import { neededDependencies } from './roles.js';

/** A dependency that takes longer is not there. */
const CHECK_MS = 1_000;

/** What keeps a process from being ready whose dependencies are all there. */
export type Phase = 'starting' | 'stopping' | undefined;

export function healthMounts(infra: Infra, phase: () => Phase): Mount[] {
  return [
    { path: '/healthz', handle: async () => ({ status: 200, body: { status: 'alive' } }) },
    { path: '/readyz', handle: () => readiness(infra, phase) },
  ];
}

/** The names of what the process needs and does not reach. */
export async function failingDependencies(infra: Infra): Promise<string[]> {
  const failing = await Promise.all(neededDependencies(infra).map(nameIfFailing));
  return failing.filter((name) => name !== undefined);
}

/** They name providers, so that they are told to operators and to their scrapers alone. */
export const guardedMetrics = (infra: Infra, { adminKey }: Keys): Mount => ({
  ...openMetricsPage(infra),
  guard: keyCheck([adminKey, infra.config.metricsKey]),
});

/** For a listener of its own, which only scrapers reach. */
export const openMetricsPage = (infra: Infra): Mount => ({
  path: '/metrics',
  handle: () => figures(infra),
});

async function readiness(infra: Infra, phase: () => Phase): Promise<Reply> {
  const failing = await failingDependencies(infra);
  const keptBy = phase();
  if (keptBy) failing.push(keptBy);
  if (failing.length === 0) return { status: 200, body: { status: 'ready' } };
  return { status: 503, body: { status: 'unready', failing }, headers: { 'retry-after': '1' } };
}

async function nameIfFailing(dependency: Dependency): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), CHECK_MS);
  });
  try {
    await Promise.race([dependency.check(), late]);
    return undefined;
  } catch {
    return dependency.name;
  } finally {
    clearTimeout(timer);
  }
}

async function figures({ metrics, bus }: Infra): Promise<Reply> {
  for (const { group, checkpoint, head, deadLetters } of await bus.lag()) {
    metrics.groupLag.set({ group }, Math.max(0, Number(head - checkpoint)));
    metrics.deadLetters.set({ group }, deadLetters);
  }
  const { registry } = metrics;
  const headers = { 'content-type': registry.contentType };
  return { status: 200, headers, raw: await registry.metrics() };
}
