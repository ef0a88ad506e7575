/** An operator creates an API key of an organization. */
import {
  createApiKeySchema,
  createdApiKeySchema,
  type CreateApiKeyBody,
} from '../../contracts/http/api-keys.js';
import type { Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { createKey } from './create-key.js';
import { askingOperator } from './key-asker.js';

export const postOrganizationsApiKeys = (commands: Commands): Route => ({
  method: 'POST',
  path: '/organizations/{id}/api-keys',
  summary: 'Create an API key',
  description: 'The key is shown this once; only its hash is kept. At most 20 per organization.',
  tag: 'API keys',
  audience: 'operator',
  bodySchema: createApiKeySchema,
  replySchemas: { 201: createdApiKeySchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: async (request) =>
    createKey(commands, askingOperator(request), request.body as CreateApiKeyBody),
});
