/** Sends a test event to one webhook endpoint, as a delivery that can be looked at. */
import { randomUUID } from 'node:crypto';
import type { DeliveryScheduled } from '../../contracts/events/delivery.js';
import type { WebhookTestRequested } from '../../contracts/events/webhook-endpoint.js';
import { testedEndpointSchema } from '../../contracts/http/webhook-endpoints.js';
import { deliveryIdOf, type EventPublicId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { endpointOf } from '../../domain/webhook-endpoint/webhook-endpoint.js';
import type { Endpoint } from '../../domain/webhook-endpoint/webhook-settings.js';
import { appendOf } from '../../command-handling/streams.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import { NO_STREAM } from '../../infra/event-store/port.js';
import { metadataOf } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';
import { endpointIdIn } from './endpoint-id.js';

export const postEndpointsTest = (commands: Commands): Route => ({
  method: 'POST',
  path: '/webhooks/endpoints/{id}/test',
  summary: 'Send a test event',
  description:
    'Delivers an event `webhook.test`, signed and retried as every other, whatever events the ' +
    'endpoint names. The endpoint must be active.',
  tag: 'Webhooks',
  audience: 'tenant',
  permission: 'webhooks:write',
  replySchemas: { 202: testedEndpointSchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: (request, caller) => handle(commands, request, caller),
});

const TYPE = 'webhook.test';

async function handle(
  { webhookEndpoints, store, now }: Commands,
  request: ApiRequest,
  { organizationId, keyId }: Caller,
): Promise<Reply | Refusal> {
  const endpointId = endpointIdIn(request);
  const { state } = await webhookEndpoints.load(organizationId);
  const endpoint = endpointOf(state, endpointId);
  if (!endpoint) return refused('EndpointUnknown');
  if (endpoint.disabled) return new Refusal('CONFLICT', 'The endpoint is inactive: activate it.');
  const at = new Date(now()).toISOString();
  const { requested, scheduled } = eventsOf(endpoint, { organizationId, endpointId, at });
  const { eventId, deliveryId } = requested.data;
  const metadata = metadataOf(request, keyId, eventId);
  const [test, delivery] = [streamOf('webhookTest', eventId), streamOf('delivery', deliveryId)];
  await store.append({
    appends: [
      appendOf(test, NO_STREAM, [requested], metadata),
      appendOf(delivery, NO_STREAM, [scheduled], metadata),
    ],
  });
  const body = { endpoint_id: endpointId, delivery_id: deliveryId, event_id: eventId };
  return { status: 202, body, logFields: { endpointId, deliveryId } };
}

/** The delivery is there when it is answered; whoever reacts to the test makes its attempt. */
function eventsOf(
  { url }: Endpoint,
  of: Pick<WebhookTestRequested['data'], 'organizationId' | 'endpointId' | 'at'>,
) {
  const eventId: EventPublicId = `evt_${randomUUID()}`;
  const deliveryId = deliveryIdOf(eventId, TYPE, of.endpointId);
  const requested: WebhookTestRequested = {
    type: 'WebhookTestRequested',
    data: { ...of, eventId, deliveryId },
  };
  const scheduled: DeliveryScheduled = {
    type: 'DeliveryScheduled',
    data: {
      ...of,
      deliveryId,
      eventId,
      eventType: TYPE,
      source: streamOf('webhookTest', eventId),
      revision: 0,
      url,
    },
  };
  return { requested, scheduled };
}
