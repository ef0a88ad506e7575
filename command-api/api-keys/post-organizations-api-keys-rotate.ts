/** An operator gives an API key of an organization another secret. */
import { rotatedApiKeySchema } from '../../contracts/http/api-keys.js';
import type { Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { askingOperator, keyIdIn } from './key-asker.js';
import { rotateKey } from './rotate-key.js';

export const postOrganizationsApiKeysRotate = (commands: Commands): Route => ({
  method: 'POST',
  path: '/organizations/{id}/api-keys/{keyId}/rotate',
  summary: 'Rotate an API key',
  description: 'The new key is shown this once; the one before is let in for another hour.',
  tag: 'API keys',
  audience: 'operator',
  replySchemas: { 200: rotatedApiKeySchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: async (request) =>
    rotateKey(commands, askingOperator(request), keyIdIn(request, 'keyId')),
});
