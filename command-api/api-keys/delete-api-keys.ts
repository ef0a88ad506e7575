/** Revokes an API key of the caller's organization, perhaps the caller's own. */
import type { Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { askingKey, keyIdIn } from './key-asker.js';
import { revokeKey } from './revoke-key.js';

export const deleteApiKeys = (commands: Commands): Route => ({
  method: 'DELETE',
  path: '/api-keys/{id}',
  summary: 'Revoke an API key',
  description:
    'It is refused within one second everywhere, whichever of its secrets is used. A key may ' +
    'revoke itself. The last key with `FULL` stays: without it nobody could manage keys.',
  tag: 'API keys',
  audience: 'tenant',
  permission: 'keys:write',
  replySchemas: { 204: 'Revoked; also when it was before.' },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: async (request, caller) => {
    const keyId = keyIdIn(request, 'id');
    return revokeKey(commands, await askingKey(commands, request, caller), keyId);
  },
});
