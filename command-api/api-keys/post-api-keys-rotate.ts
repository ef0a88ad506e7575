/** Gives an API key of the caller's organization another secret, perhaps the caller's own. */
import { rotatedApiKeySchema } from '../../contracts/http/api-keys.js';
import type { Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { askingKey, keyIdIn } from './key-asker.js';
import { rotateKey } from './rotate-key.js';

export const postApiKeysRotate = (commands: Commands): Route => ({
  method: 'POST',
  path: '/api-keys/{id}/rotate',
  summary: 'Rotate an API key',
  description:
    'The new key is shown this once; the one before is let in for another hour, or until the key ' +
    'is revoked or expires. Id, permission, limits and figures stay. Whose answer is lost ' +
    'rotates again; each secret lives for an hour after the one that replaced it came.',
  tag: 'API keys',
  audience: 'tenant',
  permission: 'keys:write',
  replySchemas: { 200: rotatedApiKeySchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: async (request, caller) => {
    const keyId = keyIdIn(request, 'id');
    return rotateKey(commands, await askingKey(commands, request, caller), keyId);
  },
});
