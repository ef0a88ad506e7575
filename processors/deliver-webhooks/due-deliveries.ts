/**
 * Brings deliveries back whose attempt is due and that are not in memory: those to be tried again,
 * those for which there was no place, those of a process that is gone. One replica at a time holds
 * the lease. It looks only for what could start: an organization with enough ready work, and an
 * endpoint whose work waits for its own, are passed over.
 */
import { pause } from '../../infra/concurrency/pause.js';
import { whileLeased } from '../../infra/leases/while-leased.js';
import {
  dueDeliveries as readDue,
  FIRST_ATTEMPT_MS,
  type DueDelivery,
} from '../../infra/read-store/due-deliveries.js';
import type { Infra } from '../../runtime/infra.js';
import type { Worker } from '../../infra/worker.js';
import type { DeliveryAttempts } from './attempts.js';
import { dueNow } from './make-attempt.js';

const LEASE_MS = 5_000;
/** After a look that brought some, and after one that brought none. */
const LOOK_MS = 100;
const IDLE_LOOK_MS = 500;
/** The pause is so many times as long as the query took, which grows behind what cannot start. */
const PAUSE_FACTOR = 20;
const PER_ORGANIZATION_MAX = 256;
/**
 * What was brought is not brought again meanwhile: its row goes only with the next projection. A
 * delivery that is due again by then, as one that was asked for twice, has another position.
 */
const REST_MS = 5_000;
/** Past it, what was brought longest ago may be brought again: it is found to be over. */
const RESTING_MAX = 4_000;
/** In the only process, a first attempt that is not in memory is under way nowhere. */
const FIRST_ATTEMPT_ALONE_MS = 1_000;

export const dueDeliveries = (infra: Infra, attempts: DeliveryAttempts): Worker => ({
  name: 'deliver-due-webhooks',
  run: (signal) =>
    whileLeased({
      leases: infra.leases,
      name: 'deliver-due-webhooks',
      holder: infra.instance,
      ttlMs: LEASE_MS,
      signal,
      work: (leased) => lookUntil(infra, attempts, leased),
      onOutage: (err) =>
        infra.log.warn({ err }, 'the lease of due webhooks could not be asked for'),
    }),
});

async function lookUntil(
  infra: Infra,
  attempts: DeliveryAttempts,
  signal: AbortSignal,
): Promise<void> {
  /** Positions, until when of the monotonic clock; in the order of their times. */
  const resting = new Map<bigint, number>();
  while (!signal.aborted) {
    let pauseMs = IDLE_LOOK_MS;
    try {
      const { brought, queryMs } = await look(infra, attempts, resting);
      pauseMs = Math.max(brought > 0 ? LOOK_MS : IDLE_LOOK_MS, queryMs * PAUSE_FACTOR);
    } catch (err) {
      infra.log.warn({ err }, 'due webhooks could not be read; trying again');
    }
    await pause(pauseMs, signal);
  }
}

interface Look {
  /** So many could be started, or wait now. */
  readonly brought: number;
  readonly queryMs: number;
}

async function look(
  infra: Infra,
  attempts: DeliveryAttempts,
  resting: Map<bigint, number>,
): Promise<Look> {
  forget(resting);
  const { organizations, endpoints, ready } = attempts.backlog();
  const deliveries = new Set<string>(attempts.running());
  for (const { deliveryId } of ready) deliveries.add(deliveryId);
  const startedAtMs = performance.now();
  const due = await readDue(infra.readStore, {
    nowMs: infra.now(),
    firstAfterMs: infra.beganBefore === undefined ? FIRST_ATTEMPT_MS : FIRST_ATTEMPT_ALONE_MS,
    perOrganizationMax: PER_ORGANIZATION_MAX,
    except: {
      organizations,
      endpoints,
      deliveries: [...deliveries],
      positions: [...resting.keys()],
    },
  });
  const queryMs = performance.now() - startedAtMs;
  const outcomes = await Promise.all(due.map((one) => bring(infra, attempts, one)));
  const untilMs = performance.now() + REST_MS;
  due.forEach(({ position }, index) => {
    if (outcomes[index] !== 'no_place') resting.set(position, untilMs);
  });
  const isTaken = (outcome: string) => outcome === 'started' || outcome === 'waiting';
  return { brought: outcomes.filter(isTaken).length, queryMs };
}

function forget(resting: Map<bigint, number>): void {
  const nowMs = performance.now();
  for (const [id, untilMs] of resting) {
    if (untilMs > nowMs && resting.size <= RESTING_MAX) return;
    resting.delete(id);
  }
}

/** A word for what was done. */
async function bring(
  infra: Infra,
  attempts: DeliveryAttempts,
  { deliveryId, executionId }: DueDelivery,
): Promise<string> {
  const outcome = await startOf(infra, attempts, deliveryId).catch((err: unknown) => {
    infra.log.warn({ deliveryId, executionId, err }, 'a due webhook could not be read');
    return 'threw';
  });
  infra.metrics.handled.inc({ group: 'deliver-due-webhooks', outcome });
  infra.log.debug({ deliveryId, executionId, outcome }, 'due webhook');
  return outcome;
}

async function startOf(
  infra: Infra,
  attempts: DeliveryAttempts,
  deliveryId: DueDelivery['deliveryId'],
): Promise<string> {
  const loaded = await dueNow(infra, deliveryId);
  return typeof loaded === 'string' ? loaded : attempts.start(loaded);
}
