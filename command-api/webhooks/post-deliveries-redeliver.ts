/** Sends a webhook delivery again: a fresh attempt, under the same event id. */
import { redeliverySchema } from '../../contracts/http/deliveries.js';
import { isId, type DeliveryId } from '../../contracts/ids.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import { metadataOf } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';
import { inactiveEndpoint } from './inactive-endpoint.js';

export const postDeliveriesRedeliver = (commands: Commands): Route => ({
  method: 'POST',
  path: '/webhooks/deliveries/{id}/redeliver',
  summary: 'Send a webhook delivery again',
  description:
    'Whatever came of it, it is sent at once, with the same event id and body, and six times at ' +
    'most as a new one is. One that waits for its first attempt is left as it is. At most a ' +
    'hundred times.',
  tag: 'Webhooks',
  audience: 'tenant',
  permission: 'webhooks:write',
  replySchemas: { 202: redeliverySchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: (request, caller) => redeliver(commands, request, caller),
});

async function redeliver(
  { deliveries, webhooks, now }: Commands,
  request: ApiRequest,
  { organizationId, keyId }: Caller,
): Promise<Reply | Refusal> {
  const { id = '' } = request.params;
  if (!isId('dlv', id)) return new Refusal('NOT_FOUND');
  const deliveryId = id as DeliveryId;
  const { state: before } = await deliveries.load(deliveryId);
  if (before.status === 'none' || before.scheduled.organizationId !== organizationId)
    return new Refusal('NOT_FOUND');
  const { endpointId } = before.scheduled;
  const inactive =
    endpointId && inactiveEndpoint(await webhooks.settingsOf(organizationId), endpointId);
  if (inactive) return inactive;
  const at = new Date(now()).toISOString();
  const command = { type: 'Redeliver', requestId: request.requestId, at } as const;
  const metadata = metadataOf(request, keyId, deliveryId);
  const asked = await deliveries.transact(deliveryId, command, metadata);
  if (asked.outcome === 'rejected') return refused(asked.reason);
  const { state } = asked;
  if (state.status !== 'waiting') throw new Error(`${deliveryId} is ${state.status}`);
  const { scheduled, attempts, nextAttemptAt } = state;
  return {
    status: 202,
    body: {
      id: deliveryId,
      event_id: scheduled.eventId,
      status: 'WAITING',
      attempts,
      next_attempt_at: nextAttemptAt,
    },
    logFields: { deliveryId },
  };
}
