/** Changes a webhook endpoint; what is not named stays as it is. */
import {
  changedEndpointSchema,
  changeEndpointSchema,
  type ChangeEndpointBody,
} from '../../contracts/http/webhook-endpoints.js';
import type { WebhookEndpointId } from '../../contracts/ids.js';
import { endpointBody } from '../../command-handling/endpoint-body.js';
import { customHeadersOf, sealedHeaders } from '../../command-handling/endpoint-headers.js';
import {
  endpointOf,
  type SettingsChanges,
} from '../../domain/webhook-endpoint/webhook-endpoint.js';
import type { Endpoint } from '../../domain/webhook-endpoint/webhook-settings.js';
import type { Refusal } from '../../http/server/route.js';
import { type ApiRequest, type Caller, type Reply, type Route } from '../../http/server/route.js';
import { metadataOf } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';
import type { ChangeSettings } from './change-settings.js';
import { customHeadersIn } from './custom-headers.js';
import { endpointIdIn } from './endpoint-id.js';
import { endpointUrlIn } from './endpoint-url.js';

export const patchEndpoints = (commands: Commands, change: ChangeSettings): Route => ({
  method: 'PATCH',
  path: '/webhooks/endpoints/{id}',
  summary: 'Change a webhook endpoint',
  description:
    'What is not named stays as it is; `headers` are replaced as a whole. `is_active: true` ' +
    'activates one that was disabled: it is sent what happens from then on.',
  tag: 'Webhooks',
  audience: 'tenant',
  permission: 'webhooks:write',
  bodySchema: changeEndpointSchema,
  replySchemas: { 200: changedEndpointSchema },
  refusals: ['NOT_FOUND'],
  handle: (request, caller) => handle(commands, change, request, caller),
});

async function handle(
  commands: Commands,
  change: ChangeSettings,
  request: ApiRequest,
  { organizationId, keyId }: Caller,
): Promise<Reply | Refusal> {
  const { webhookEndpoints, secrets, now } = commands;
  const endpointId = endpointIdIn(request);
  const { state: before } = await webhookEndpoints.load(organizationId);
  const endpoint = endpointOf(before, endpointId);
  if (!endpoint) return refused('EndpointUnknown');
  const changes = changesIn(commands, request.body as ChangeEndpointBody, endpoint);
  const at = new Date(now()).toISOString();
  const command = { type: 'Change', organizationId, endpointId, changes, at } as const;
  const metadata = metadataOf(request, keyId, organizationId);
  const changed = await change(organizationId, command, metadata);
  if (changed.outcome === 'rejected') return refused(changed.reason);
  const after = endpointOf(changed.state, endpointId);
  if (!after) throw new Error(`${endpointId} was changed and does not exist`);
  return {
    status: 200,
    body: endpointBody(secrets, after, now()),
    logFields: { endpointId },
  };
}

/** Throws a `Refusal` for a URL that we do not call, and for headers that may not be set. */
function changesIn(
  commands: Commands,
  body: ChangeEndpointBody,
  endpoint: Endpoint,
): SettingsChanges {
  const { url, description, events, is_active: isActive } = body;
  const headers = headersIn(commands, body, endpoint.endpointId, endpoint);
  return {
    ...(url !== undefined && { url: endpointUrlIn(commands, url) }),
    ...(description !== undefined && { description }),
    ...(events && { events }),
    ...(headers !== undefined && { headers }),
    ...(isActive !== undefined && { isActive }),
  };
}

function headersIn(
  { secrets }: Commands,
  { headers: given }: ChangeEndpointBody,
  endpointId: WebhookEndpointId,
  endpoint: Endpoint,
): string | null | undefined {
  if (given === undefined) return undefined;
  const headers = customHeadersIn(given, customHeadersOf(secrets, endpoint));
  return headers ? sealedHeaders(secrets, endpointId, headers) : null;
}
