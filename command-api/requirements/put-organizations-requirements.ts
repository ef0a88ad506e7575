/** An operator sets what is required of each execution of an organization. */
import type { Promises } from '../../contracts/catalogue/capabilities.js';
import {
  organizationRequirementsSchema,
  requirementsInForceSchema,
} from '../../contracts/http/requirements.js';
import type { Route } from '../../http/server/route.js';
import { askingOperator } from '../api-keys/key-asker.js';
import type { Commands } from '../command-infra.js';
import { setRequirements } from './set-requirements.js';

export const putOrganizationsRequirements = (commands: Commands): Route => ({
  method: 'PUT',
  path: '/organizations/{id}/requirements',
  operationId: 'adminSetOrganizationRequirements',
  summary: 'Set what is required of each execution of an organization',
  description: 'Within one second everywhere, for executions that are submitted from then on.',
  tag: 'Organizations',
  audience: 'operator',
  bodySchema: organizationRequirementsSchema,
  replySchemas: { 200: requirementsInForceSchema },
  refusals: ['NOT_FOUND'],
  handle: async (request) =>
    setRequirements(commands, askingOperator(request), request.body as Promises),
});
