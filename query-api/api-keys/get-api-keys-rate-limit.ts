/** How often an API key may be used, as its stream says it. */
import { keyRateLimitBody, keyRateLimitSchema } from '../../contracts/http/rate-limits.js';
import { isId } from '../../contracts/ids.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';

type Given = Pick<QueryInfra, 'apiKeys'>;

export const getApiKeysRateLimit = (infra: Given): Route => ({
  method: 'GET',
  path: '/organizations/{id}/api-keys/{keyId}/rate-limit',
  operationId: 'adminGetApiKeyRateLimit',
  summary: 'Show the rate limit of an API key',
  description: 'Null where its organization’s holds alone.',
  tag: 'API keys',
  audience: 'operator',
  replySchemas: { 200: keyRateLimitSchema },
  refusals: ['NOT_FOUND'],
  handle: (request) => handle(infra, request),
});

async function handle({ apiKeys }: Given, { params }: ApiRequest): Promise<Reply | Refusal> {
  const { id = '', keyId = '' } = params;
  if (!isId('org', id) || !isId('key', keyId)) return new Refusal('NOT_FOUND');
  const { state } = await apiKeys.load(keyId);
  if (state.status !== 'active' || state.key.organizationId !== id) return new Refusal('NOT_FOUND');
  const organizationId = id;
  return { status: 200, body: keyRateLimitBody(organizationId, keyId, state.requestRate) };
}
