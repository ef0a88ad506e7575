/** How often an organization may ask, as its stream says it. */
import { rateLimitBody, rateLimitSchema } from '../../contracts/http/rate-limits.js';
import { isId, type OrganizationId } from '../../contracts/ids.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';

type Given = Pick<QueryInfra, 'config' | 'organizations'>;

export const getOrganizationsRateLimit = (infra: Given): Route => ({
  method: 'GET',
  path: '/organizations/{id}/rate-limit',
  operationId: 'adminGetOrganizationRateLimit',
  summary: 'Show the rate limit of an organization',
  description: 'How often its keys together may ask.',
  tag: 'Organizations',
  audience: 'operator',
  replySchemas: { 200: rateLimitSchema },
  refusals: ['NOT_FOUND'],
  handle: (request) => handle(infra, request),
});

async function handle(
  { config, organizations }: Given,
  { params }: ApiRequest,
): Promise<Reply | Refusal> {
  const id = params['id'] ?? '';
  if (!isId('org', id)) return new Refusal('NOT_FOUND');
  const organizationId = id as OrganizationId;
  const { state } = await organizations.load(organizationId);
  if (state.status === 'none') return new Refusal('NOT_FOUND');
  return { status: 200, body: rateLimitBody(organizationId, state.quotas, config.requestRate) };
}
