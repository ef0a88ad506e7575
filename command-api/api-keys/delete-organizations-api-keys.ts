/** An operator revokes an API key of an organization. */
import type { Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { askingOperator, keyIdIn } from './key-asker.js';
import { revokeKey } from './revoke-key.js';

export const deleteOrganizationsApiKeys = (commands: Commands): Route => ({
  method: 'DELETE',
  path: '/organizations/{id}/api-keys/{keyId}',
  summary: 'Revoke an API key',
  description: 'It is refused within one second everywhere.',
  tag: 'API keys',
  audience: 'operator',
  replySchemas: { 204: 'Revoked; also when it was before.' },
  refusals: ['NOT_FOUND'],
  handle: async (request) =>
    revokeKey(commands, askingOperator(request), keyIdIn(request, 'keyId')),
});
