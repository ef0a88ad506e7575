/** Creates an API key of the caller's organization. */
import {
  createApiKeySchema,
  createdApiKeySchema,
  type CreateApiKeyBody,
} from '../../contracts/http/api-keys.js';
import type { Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { createKey } from './create-key.js';
import { askingKey } from './key-asker.js';

export const postApiKeys = (commands: Commands): Route => ({
  method: 'POST',
  path: '/api-keys',
  summary: 'Create an API key',
  description:
    'The key is shown this once; only its hash is kept. At most 20 per organization. A limit ' +
    'that is not given is that of the key that asks; one that goes beyond it is refused with 403.',
  tag: 'API keys',
  audience: 'tenant',
  permission: 'keys:write',
  bodySchema: createApiKeySchema,
  replySchemas: { 201: createdApiKeySchema },
  refusals: ['CONFLICT'],
  handle: async (request, caller) => {
    const asker = await askingKey(commands, request, caller);
    return createKey(commands, asker, request.body as CreateApiKeyBody);
  },
});
