/** What is required of each execution of the caller's organization, as its stream says it. */
import { requirementsBody, requirementsInForceSchema } from '../../contracts/http/requirements.js';
import type { Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';

export const getRequirements = ({ organizations }: Pick<QueryInfra, 'organizations'>): Route => ({
  method: 'GET',
  path: '/requirements',
  operationId: 'getRequirements',
  summary: 'Show what is required of each execution',
  description: 'By the organization; what the key requires stands with the key.',
  tag: 'Requirements',
  audience: 'tenant',
  permission: 'settings:read',
  replySchemas: { 200: requirementsInForceSchema },
  async handle(_request, { organizationId }) {
    const { state } = await organizations.load(organizationId);
    const required = state.status === 'created' ? state.require : undefined;
    return { status: 200, body: requirementsBody(required) };
  },
});
