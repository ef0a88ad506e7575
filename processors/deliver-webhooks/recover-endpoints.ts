/**
 * What an endpoint missed is asked for again, delivery by delivery: what was exhausted, also for an
 * endpoint that was inactive, and what waits after a failure. Each is brought by its timer, fairly
 * among all that is due. After a crash all of it is asked for again, which changes nothing.
 */
import type { RecoveryRequested } from '../../contracts/events/webhook-recovery.js';
import { idOf } from '../../contracts/streams.js';
import { readEvents } from '../../command-handling/streams.js';
import type { Group } from '../../infra/event-bus/port.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import { missedDeliveries, type MissedPlace } from '../../infra/read-store/missed-deliveries.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';

/** The projection is far behind then: the notification comes again. */
const PATIENCE_MS = 30_000;

type Recovery = RecoveryRequested['data'];

export const recoverEndpoints = (infra: Infra): Group => ({
  name: 'recover-webhook-endpoints',
  categories: ['webhookRecovery'],
  subscribesTo: ['RecoveryRequested'],
  concurrencyMax: 16,
  attemptsMax: 30,
  async handle({ stream, revision, position }, signal) {
    const range = { fromRevision: revision, limit: 1 };
    const [event] = await readEvents<RecoveryRequested>(infra.store, stream, range);
    if (!event) throw new Error(`${stream} has no revision ${revision}`);
    const { state } = await infra.webhookRecoveries.load(idOf(stream), { atLeast: revision });
    const { recoveryId } = event.data;
    if (state.status === 'idle' || state.recovery.recoveryId !== recoveryId) return 'over';
    if (!(await infra.progress.passed('deliveries', position, PATIENCE_MS)))
      throw new StoreUnavailable('the deliveries are not in their read model yet');
    const redelivered = await redeliverAll(infra, event.data, signal);
    const metadata = metadataOf('deliver-webhooks', recoveryId, { stream, revision });
    const at = new Date(infra.now()).toISOString();
    const finish = { type: 'Finish', recoveryId, redelivered, at } as const;
    await infra.webhookRecoveries.transact(idOf(stream), finish, metadata);
    return 'recovered';
  },
});

async function redeliverAll(
  infra: Infra,
  recovery: Recovery,
  signal: AbortSignal,
): Promise<number> {
  let redelivered = 0;
  let after: MissedPlace | undefined;
  for (;;) {
    const page = await missedDeliveries(infra.readStore, recovery, after);
    const asked = page.map(({ id }) => redeliver(infra, id, recovery));
    for (const isDue of await Promise.all(asked)) if (isDue) redelivered += 1;
    after = page.at(-1);
    if (!after) return redelivered;
    signal.throwIfAborted();
  }
}

async function redeliver(
  { deliveries, now }: Infra,
  deliveryId: MissedPlace['id'],
  { recoveryId: requestId }: Recovery,
): Promise<boolean> {
  const metadata = metadataOf('deliver-webhooks', deliveryId, requestId);
  const { outcome } = await deliveries.transact(
    deliveryId,
    (state) =>
      state.status === 'succeeded'
        ? undefined
        : { type: 'Redeliver', requestId, at: new Date(now()).toISOString() },
    metadata,
  );
  return outcome === 'accepted';
}
