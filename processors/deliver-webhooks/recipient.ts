/** Where a delivery goes now: endpoints are changed, disabled and deleted while deliveries wait. */
import type { DeliveryScheduled } from '../../contracts/events/delivery.js';
import type { WebhookEndpointId } from '../../contracts/ids.js';
import { customHeadersOf, type CustomHeaders } from '../../command-handling/endpoint-headers.js';
import {
  signingGenerations,
  type WebhookSettings,
} from '../../domain/webhook-endpoint/webhook-settings.js';
import type { Infra } from '../../runtime/infra.js';

export type Recipient =
  | {
      readonly kind: 'reachable';
      readonly url: string;
      readonly headers: CustomHeaders;
      /** The one that holds first, then those that it replaced within the day. */
      readonly secrets: readonly [string, ...string[]];
    }
  | { readonly kind: 'deleted' | 'inactive' };

type Given = Pick<Infra, 'secrets' | 'now'>;

/** Without an endpoint it is the `webhook_url` of an execution. */
export function recipientOf(
  infra: Given,
  settings: WebhookSettings,
  { organizationId, url, endpointId }: Addressed,
): Recipient {
  if (endpointId !== undefined) return endpointIn(infra, settings, endpointId);
  const generations = signingGenerations(settings.signingSecret, at(infra));
  const secretOf = (one: number) => infra.secrets.webhookSecret(organizationId, one);
  return { kind: 'reachable', url, headers: {}, secrets: each(generations, secretOf) };
}

type Addressed = Pick<DeliveryScheduled['data'], 'organizationId' | 'url'> & {
  readonly endpointId?: WebhookEndpointId;
};

function endpointIn(
  infra: Given,
  { endpoints }: WebhookSettings,
  endpointId: WebhookEndpointId,
): Recipient {
  const endpoint = endpoints.find((one) => one.endpointId === endpointId);
  if (!endpoint) return { kind: 'deleted' };
  if (endpoint.disabled) return { kind: 'inactive' };
  const generations = signingGenerations(endpoint.secret, at(infra));
  const secretOf = (one: number) => infra.secrets.endpointSecret(endpointId, one);
  return {
    kind: 'reachable',
    url: endpoint.url,
    headers: customHeadersOf(infra.secrets, endpoint),
    secrets: each(generations, secretOf),
  };
}

const at = ({ now }: Given): string => new Date(now()).toISOString();

const each = (
  [newest, ...others]: readonly [number, ...number[]],
  secretOf: (generation: number) => string,
): readonly [string, ...string[]] => [secretOf(newest), ...others.map(secretOf)];
