/** An organization's API keys that are not revoked, for operators. */
import { apiKeySchema } from '../../contracts/http/api-keys.js';
import { listOf, pageFields, queryObject } from '../../contracts/http/parts.js';
import { isId, type OrganizationId } from '../../contracts/ids.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { listReply } from '../cursor.js';
import { OPERATORS } from '../query-infra.js';
import { listKeys, type KeysInfra } from './read-api-keys.js';

export const getOrganizationsApiKeys = (infra: KeysInfra): Route => ({
  method: 'GET',
  path: '/organizations/{id}/api-keys',
  summary: "List an organization's API keys",
  description:
    'Those that are not revoked, also when they have expired; never the keys themselves.',
  tag: 'API keys',
  audience: 'operator',
  querySchema: queryObject(pageFields),
  replySchemas: { 200: listOf('ApiKeyList', apiKeySchema) },
  replyHeaders: ['Link'],
  refusals: ['NOT_FOUND'],
  async handle(request) {
    const { id = '' } = request.params;
    if (!isId('org', id)) return new Refusal('NOT_FOUND');
    const body = await listKeys(infra, request, OPERATORS, id as OrganizationId);
    return body ? listReply(request, body) : new Refusal('NOT_FOUND');
  },
});
