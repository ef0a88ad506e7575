/** The API keys of the caller's organization that are not revoked. */
import { apiKeySchema } from '../../contracts/http/api-keys.js';
import { listOf, pageFields, queryObject } from '../../contracts/http/parts.js';
import type { Route } from '../../http/server/route.js';
import { listReply } from '../cursor.js';
import { listKeys, type KeysInfra } from './read-api-keys.js';

export const getApiKeys = (infra: KeysInfra): Route => ({
  method: 'GET',
  path: '/api-keys',
  summary: 'List API keys',
  description: 'Those that are not revoked, the oldest first, without the keys themselves.',
  tag: 'API keys',
  audience: 'tenant',
  permission: 'keys:read',
  querySchema: queryObject(pageFields),
  replySchemas: { 200: listOf('ApiKeyList', apiKeySchema) },
  replyHeaders: ['Link'],
  async handle(request, { organizationId }) {
    const body = await listKeys(infra, request, organizationId, organizationId);
    return listReply(request, body ?? { data: [], next_cursor: null });
  },
});
