/** Changes the name and the limits of an API key of the caller's organization. */
import {
  changeApiKeySchema,
  changedApiKeySchema,
  type ChangeApiKeyBody,
} from '../../contracts/http/api-keys.js';
import type { Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { changeKey } from './change-key.js';
import { askingKey, keyIdIn } from './key-asker.js';

export const patchApiKeys = (commands: Commands): Route => ({
  method: 'PATCH',
  path: '/api-keys/{id}',
  summary: 'Change an API key',
  description:
    'Within one second everywhere. No limit becomes wider than that of the key that asks, which ' +
    'therefore cannot free itself from its own. The permission of a key never changes.',
  tag: 'API keys',
  audience: 'tenant',
  permission: 'keys:write',
  bodySchema: changeApiKeySchema,
  replySchemas: { 200: changedApiKeySchema },
  refusals: ['NOT_FOUND'],
  handle: async (request, caller) => {
    const keyId = keyIdIn(request, 'id');
    const asker = await askingKey(commands, request, caller);
    return changeKey(commands, asker, keyId, request.body as ChangeApiKeyBody);
  },
});
