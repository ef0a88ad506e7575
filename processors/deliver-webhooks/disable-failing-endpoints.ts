/**
 * Disables the endpoints that take nothing any more, by what the read model says of all attempts at
 * them. One replica at a time holds the lease. It judges only on a read model that has passed the
 * head of the log as it was when it looked, so that a success that is recorded counts.
 */
import { pause } from '../../infra/concurrency/pause.js';
import { whileLeased } from '../../infra/leases/while-leased.js';
import { failingEndpoints, type FailingEndpoint } from '../../infra/read-store/endpoint-health.js';
import type { Worker } from '../../infra/worker.js';
import type { Infra } from '../../runtime/infra.js';
import { disableEndpoint } from './disable-endpoint.js';

const LEASE_MS = 10_000;
const LOOK_MS = 5_000;
const PATIENCE_MS = 5_000;

export const disableFailingEndpoints = (infra: Infra): Worker => ({
  name: 'disable-failing-endpoints',
  run: (signal) =>
    whileLeased({
      leases: infra.leases,
      name: 'disable-failing-endpoints',
      holder: infra.instance,
      ttlMs: LEASE_MS,
      signal,
      work: (leased) => lookUntil(infra, leased),
      onOutage: (err) =>
        infra.log.warn({ err }, 'the lease of failing endpoints could not be asked for'),
    }),
});

async function lookUntil(infra: Infra, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await look(infra);
    } catch (err) {
      infra.log.warn({ err }, 'failing endpoints could not be looked for; trying again');
    }
    await pause(LOOK_MS, signal);
  }
}

async function look(infra: Infra): Promise<void> {
  const { readStore, progress, store, now } = infra;
  const suspects: FailingEndpoint[] = [];
  for (const one of await failingEndpoints(readStore, now()))
    if (await activeSince(infra, one)) suspects.push(one);
  if (suspects.length === 0) return;
  if (!(await progress.passed('deliveries', await store.head(), PATIENCE_MS))) return;
  const ids = suspects.map(({ endpointId }) => endpointId);
  for (const one of await failingEndpoints(readStore, now(), ids)) await disable(infra, one);
}

async function activeSince(
  { webhooks }: Infra,
  { organizationId, endpointId }: FailingEndpoint,
): Promise<string | undefined> {
  const { endpoints } = await webhooks.settingsOf(organizationId);
  const endpoint = endpoints.find((one) => one.endpointId === endpointId);
  return endpoint && !endpoint.disabled ? endpoint.activeSince : undefined;
}

/** One that was enabled again since it was looked at begins anew. */
async function disable(infra: Infra, failing: FailingEndpoint): Promise<void> {
  const since = await activeSince(infra, failing);
  if (since === undefined) return;
  await disableEndpoint(infra, {
    ...failing,
    isStill: (endpoint) => endpoint.activeSince === since,
    causation: 'endpoint_health',
  });
}
