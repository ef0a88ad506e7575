/** Sets what is required of each execution of the caller's organization. */
import type { Promises } from '../../contracts/catalogue/capabilities.js';
import {
  organizationRequirementsSchema,
  requirementsInForceSchema,
} from '../../contracts/http/requirements.js';
import type { Route } from '../../http/server/route.js';
import { askingKey } from '../api-keys/key-asker.js';
import type { Commands } from '../command-infra.js';
import { setRequirements } from './set-requirements.js';

export const putRequirements = (commands: Commands): Route => ({
  method: 'PUT',
  path: '/requirements',
  operationId: 'setRequirements',
  summary: 'Set what is required of each execution',
  description:
    'Beside what a submission and its key require; of all of them the strictest holds. Within ' +
    'one second everywhere, for executions that are submitted from then on.',
  tag: 'Requirements',
  audience: 'tenant',
  permission: 'settings:write',
  bodySchema: organizationRequirementsSchema,
  replySchemas: { 200: requirementsInForceSchema },
  handle: async (request, caller) => {
    const asker = await askingKey(commands, request, caller);
    return setRequirements(commands, asker, request.body as Promises);
  },
});
