/** What is not sent to an endpoint now is not sent to it again either. */
import type { WebhookEndpointId } from '../../contracts/ids.js';
import { endpointOf } from '../../domain/webhook-endpoint/webhook-endpoint.js';
import type { WebhookSettings } from '../../domain/webhook-endpoint/webhook-settings.js';
import { Refusal } from '../../http/server/route.js';

/** Undefined for one that is active. */
export function inactiveEndpoint(
  settings: WebhookSettings,
  endpointId: WebhookEndpointId,
): Refusal | undefined {
  const endpoint = endpointOf(settings, endpointId);
  if (!endpoint) return new Refusal('CONFLICT', 'Its endpoint was deleted.');
  if (!endpoint.disabled) return undefined;
  return new Refusal('CONFLICT', 'The endpoint is not active: activate it first.');
}
