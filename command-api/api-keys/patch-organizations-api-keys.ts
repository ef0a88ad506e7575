/** An operator changes the name and the limits of an API key. */
import {
  changeApiKeySchema,
  changedApiKeySchema,
  type ChangeApiKeyBody,
} from '../../contracts/http/api-keys.js';
import type { Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { changeKey } from './change-key.js';
import { askingOperator, keyIdIn } from './key-asker.js';

export const patchOrganizationsApiKeys = (commands: Commands): Route => ({
  method: 'PATCH',
  path: '/organizations/{id}/api-keys/{keyId}',
  summary: 'Change an API key',
  description: 'Within one second everywhere.',
  tag: 'API keys',
  audience: 'operator',
  bodySchema: changeApiKeySchema,
  replySchemas: { 200: changedApiKeySchema },
  refusals: ['NOT_FOUND'],
  handle: async (request) => {
    const asker = askingOperator(request);
    return changeKey(commands, asker, keyIdIn(request, 'keyId'), request.body as ChangeApiKeyBody);
  },
});
