/** Registers a webhook endpoint, and shows its secret once. */
import { randomUUID } from 'node:crypto';
import {
  createdEndpointSchema,
  createEndpointSchema,
  type CreateEndpointBody,
} from '../../contracts/http/webhook-endpoints.js';
import type { WebhookEndpointId } from '../../contracts/ids.js';
import { endpointBody } from '../../command-handling/endpoint-body.js';
import { sealedHeaders } from '../../command-handling/endpoint-headers.js';
import { endpointOf } from '../../domain/webhook-endpoint/webhook-endpoint.js';
import type { WebhookSettings } from '../../domain/webhook-endpoint/webhook-settings.js';
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
import { askedUnderKey, firstAnswer, REPLAYED } from './asked-under-key.js';
import type { ChangeSettings } from './change-settings.js';
import { customHeadersIn } from './custom-headers.js';
import { endpointUrlIn } from './endpoint-url.js';

export const postEndpoints = (commands: Commands, change: ChangeSettings): Route => ({
  method: 'POST',
  path: '/webhooks/endpoints',
  summary: 'Create a webhook endpoint',
  description:
    'Every event that it wants and that happens after the answer is delivered to it. Its secret ' +
    'is shown this once. At most 50 per organization. With an `Idempotency-Key`, a repeat gets ' +
    'the same answer again, with the secret and `Idempotency-Replayed: true`.',
  tag: 'Webhooks',
  audience: 'tenant',
  permission: 'webhooks:write',
  bodySchema: createEndpointSchema,
  headers: {
    'Idempotency-Key':
      'Optional; names the request within your organization; or `idempotency_key` in the body.',
  },
  replySchemas: { 201: createdEndpointSchema },
  refusals: ['CONFLICT', 'IDEMPOTENCY_MISMATCH'],
  handle: (request, caller) => handle(commands, change, request, caller),
});

async function handle(
  commands: Commands,
  change: ChangeSettings,
  request: ApiRequest,
  caller: Caller,
): Promise<Reply | Refusal> {
  const { organizationId, keyId } = caller;
  const { secrets, webhooks, now } = commands;
  const { idempotency_key: key, ...body } = request.body as CreateEndpointBody;
  const asked = askedUnderKey(secrets, request, caller, { about: 'endpoint', key, body });
  const endpointId: WebhookEndpointId = `we_${randomUUID()}`;
  const chosen = chosenIn(commands, body, endpointId);
  await webhooks.setUp(organizationId);
  const at = new Date(now()).toISOString();
  const of = { organizationId, endpointId, ...chosen, ...asked, at };
  const metadata = metadataOf(request, keyId, organizationId);
  const registered = await change(organizationId, { type: 'Register', ...of }, metadata);
  if (registered.outcome === 'rejected') return refused(registered.reason);
  if (registered.outcome === 'accepted') return created(commands, registered.state, endpointId);
  if (!asked.askedUnderKey) throw new Error(`${endpointId} exists before it was registered`);
  const first = firstAnswer(registered.state, asked.askedUnderKey);
  return created(commands, registered.state, first.endpointId, true);
}

/** Throws a `Refusal` for a URL that we do not call, and for headers that may not be set. */
function chosenIn(commands: Commands, body: CreateEndpointBody, endpointId: WebhookEndpointId) {
  const { description, events = [], is_active: isActive = true } = body;
  const url = endpointUrlIn(commands, body.url);
  const headers = customHeadersIn(body.headers);
  return {
    url,
    events,
    isActive,
    ...(typeof description === 'string' && { description }),
    ...(headers && { headers: sealedHeaders(commands.secrets, endpointId, headers) }),
  };
}

function created(
  { secrets, now }: Commands,
  state: WebhookSettings,
  endpointId: WebhookEndpointId | undefined,
  replayed = false,
): Reply | Refusal {
  const endpoint = endpointOf(state, endpointId ?? '');
  if (!endpoint) return new Refusal('CONFLICT', 'What this key created was deleted since.');
  return {
    status: 201,
    headers: {
      location: `/v1/webhooks/endpoints/${endpoint.endpointId}`,
      ...(replayed && REPLAYED),
    },
    body: {
      ...endpointBody(secrets, endpoint, now()),
      failure_count: 0,
      last_success: null,
      secret: secrets.endpointSecret(endpoint.endpointId, 1),
    },
    logFields: { endpointId: endpoint.endpointId },
  };
}
