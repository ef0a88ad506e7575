/** The operator sets how often an API key may be used. */
import {
  keyRateLimitBody,
  keyRateLimitSchema,
  rateChangesIn,
  setRateLimitSchema,
  type SetRateLimitBody,
} from '../../contracts/http/rate-limits.js';
import { isId, type ApiKeyId } from '../../contracts/ids.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { organizationIn } from '../organization-in.js';
import { refused } from '../refusals.js';

export const patchApiKeysRateLimit = (commands: Commands): Route => ({
  method: 'PATCH',
  path: '/organizations/{id}/api-keys/{keyId}/rate-limit',
  operationId: 'adminSetApiKeyRateLimit',
  summary: 'Set the rate limit of an API key',
  description:
    'Beside that of its organization: the tighter one holds. In force within one second ' +
    'everywhere.',
  tag: 'API keys',
  audience: 'operator',
  bodySchema: setRateLimitSchema,
  replySchemas: { 200: keyRateLimitSchema },
  refusals: ['NOT_FOUND'],
  handle: (request) => handle(commands, request),
});

async function handle({ apiKeys, now }: Commands, request: ApiRequest): Promise<Reply | Refusal> {
  const organizationId = organizationIn(request);
  const keyId = request.params['keyId'] as ApiKeyId;
  if (!isId('key', keyId)) return new Refusal('NOT_FOUND');
  const changes = rateChangesIn(request.body as SetRateLimitBody);
  const at = new Date(now()).toISOString();
  const command = { type: 'SetRequestRate', organizationId, keyId, changes, at } as const;
  const metadata = operatorMetadata(request, organizationId);
  const result = await apiKeys.transact(keyId, command, metadata);
  if (result.outcome === 'rejected') return refused(result.reason);
  const set = result.state.status === 'active' ? result.state.requestRate : {};
  return {
    status: 200,
    body: keyRateLimitBody(organizationId, keyId, set),
    logFields: { organizationId, keyId },
  };
}
