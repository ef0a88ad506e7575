/** One webhook endpoint of the caller's organization. */
import { endpointSchema } from '../../contracts/http/webhook-endpoints.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';
import { bodyWithHealth, healthOf } from './endpoint-health.js';

export const getEndpoint = (
  infra: Pick<QueryInfra, 'now' | 'reads' | 'secrets' | 'webhooks'>,
): Route => ({
  method: 'GET',
  path: '/webhooks/endpoints/{id}',
  summary: 'Get a webhook endpoint',
  description: 'Without its secret, which was shown once. An inactive one says why, since when.',
  tag: 'Webhooks',
  audience: 'tenant',
  permission: 'webhooks:read',
  replySchemas: { 200: endpointSchema },
  refusals: ['NOT_FOUND'],
  async handle({ params }, { organizationId }) {
    const { endpoints } = await infra.webhooks.settingsOf(organizationId);
    const endpoint = endpoints.find(({ endpointId }) => endpointId === params['id']);
    if (!endpoint) return new Refusal('NOT_FOUND');
    const health = await healthOf(infra, organizationId, [endpoint]);
    return { status: 200, body: bodyWithHealth(infra, endpoint, health) };
  },
});
