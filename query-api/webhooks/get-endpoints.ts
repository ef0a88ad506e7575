/** The organization's webhook endpoints, newest first. */
import { pageFields, queryObject } from '../../contracts/http/parts.js';
import { endpointListSchema } from '../../contracts/http/webhook-endpoints.js';
import type { Endpoint } from '../../domain/webhook-endpoint/webhook-settings.js';
import type { Route } from '../../http/server/route.js';
import { listBody, listReply, type ListName, type Place } from '../cursor.js';
import type { ListInfra, QueryInfra } from '../query-infra.js';
import { bodyWithHealth, healthOf } from './endpoint-health.js';

export const getEndpoints = (
  infra: ListInfra & Pick<QueryInfra, 'now' | 'secrets' | 'webhooks'>,
): Route => ({
  method: 'GET',
  path: '/webhooks/endpoints',
  summary: 'List webhook endpoints',
  description: 'The newest first, without their secrets. An inactive one says why, since when.',
  tag: 'Webhooks',
  audience: 'tenant',
  permission: 'webhooks:read',
  querySchema: queryObject({ ...pageFields }),
  replySchemas: { 200: endpointListSchema },
  replyHeaders: ['Link'],
  async handle(request, { organizationId }) {
    const name: ListName = ['webhook-endpoints', organizationId];
    const { limit, after } = infra.cursors.pageOf(request, name, ['text', 'text']);
    const { endpoints } = await infra.webhooks.settingsOf(organizationId);
    const wanted = [...endpoints]
      .sort((a, b) => (isBehind(a, placeOf(b)) ? 1 : -1))
      .filter((endpoint) => !after || isBehind(endpoint, after))
      .slice(0, limit + 1);
    const health = await healthOf(infra, organizationId, wanted);
    const body = listBody(
      wanted,
      limit,
      (endpoint) => bodyWithHealth(infra, endpoint, health),
      (endpoint) => infra.cursors.cursorOf(name, placeOf(endpoint)),
    );
    return listReply(request, body);
  },
});

const placeOf = ({ createdAt, endpointId }: Endpoint): Place => [createdAt, endpointId];

/** Whether it comes behind that place in a list of the newest first. */
function isBehind({ createdAt, endpointId }: Endpoint, [time = '', id = '']: Place): boolean {
  return createdAt === time ? endpointId < String(id) : createdAt < String(time);
}
