/** What is required of each execution of an organization, for operators. */
import { requirementsBody, requirementsInForceSchema } from '../../contracts/http/requirements.js';
import { isId } from '../../contracts/ids.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';

export const getOrganizationsRequirements = ({
  organizations,
}: Pick<QueryInfra, 'organizations'>): Route => ({
  method: 'GET',
  path: '/organizations/{id}/requirements',
  operationId: 'adminGetOrganizationRequirements',
  summary: 'Show what is required of each execution of an organization',
  description: 'As its stream says it.',
  tag: 'Organizations',
  audience: 'operator',
  replySchemas: { 200: requirementsInForceSchema },
  refusals: ['NOT_FOUND'],
  async handle({ params }) {
    const { id = '' } = params;
    if (!isId('org', id)) return new Refusal('NOT_FOUND');
    const { state } = await organizations.load(id);
    if (state.status === 'none') return new Refusal('NOT_FOUND');
    return { status: 200, body: requirementsBody(state.require) };
  },
});
