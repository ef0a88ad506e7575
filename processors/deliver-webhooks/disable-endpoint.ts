/** An endpoint that is disabled for what it answered: an event with its cause, and word of it. */
import type { DeliveryScheduled } from '../../contracts/events/delivery.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { OrganizationId, WebhookEndpointId } from '../../contracts/ids.js';
import { endpointOf } from '../../domain/webhook-endpoint/webhook-endpoint.js';
import type { Endpoint } from '../../domain/webhook-endpoint/webhook-settings.js';
import { isOutage } from '../../infra/event-store/outage.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';

type Given = Pick<Infra, 'log' | 'metrics' | 'now' | 'webhookEndpoints'>;

interface Disabling {
  readonly organizationId: OrganizationId;
  readonly endpointId: WebhookEndpointId;
  readonly cause: 'gone' | 'exhausted' | 'failing';
  /** Decides on the endpoint as it is when it is disabled. */
  readonly isStill: (endpoint: Endpoint) => boolean;
  /** What led to it: a delivery, or the position up to which the attempts were seen. */
  readonly causation: string;
}

/** What answered 410 is no endpoint any more, unless it was moved elsewhere meanwhile. */
export async function disableGone(
  given: Given,
  { organizationId, endpointId, deliveryId }: DeliveryScheduled['data'],
  url: string,
): Promise<void> {
  if (endpointId === undefined) return;
  const isStill = (endpoint: Endpoint) => endpoint.url === url;
  const about = { organizationId, endpointId, cause: 'gone', causation: deliveryId } as const;
  try {
    await disableEndpoint(given, { ...about, isStill });
  } catch (err) {
    if (!isOutage(err)) throw err;
    given.log.warn({ endpointId, err }, 'an endpoint that is gone is disabled a little later');
  }
}

export async function disableEndpoint(
  { webhookEndpoints, log, metrics, now }: Given,
  { organizationId, endpointId, cause, isStill, causation }: Disabling,
): Promise<void> {
  const at: Timestamp = new Date(now()).toISOString();
  const { outcome } = await webhookEndpoints.transact(
    organizationId,
    (settings) => {
      const endpoint = endpointOf(settings, endpointId);
      if (!endpoint || !isStill(endpoint)) return undefined;
      return { type: 'Disable', organizationId, endpointId, cause, at };
    },
    metadataOf('deliver-webhooks', organizationId, causation),
  );
  if (outcome !== 'accepted') return;
  metrics.webhookEndpointsDisabled.inc({ cause });
  log.warn({ organizationId, endpointId, cause }, 'a webhook endpoint was disabled');
}
