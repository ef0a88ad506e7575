/** The threshold below which a balance is announced as low. */
import { balanceAlertSchema } from '../../contracts/http/spending-guards.js';
import { isId, type OrganizationId } from '../../contracts/ids.js';
import { balanceAlertBody } from '../../domain/account/spending-body.js';
import { Refusal, type Reply, type Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';

type Given = Pick<QueryInfra, 'accountStates' | 'organizations'>;

export const getBalanceAlert = (infra: Given): Route => ({
  method: 'GET',
  path: '/billing/balance-alert',
  summary: 'Show when a low balance is announced',
  description: 'The threshold of `balance.low`; null where it is not announced.',
  tag: 'Billing',
  audience: 'tenant',
  permission: 'billing:read',
  replySchemas: { 200: balanceAlertSchema },
  handle: (_request, { organizationId }) => show(infra, organizationId),
});

export const getOrganizationsBalanceAlert = (infra: Given): Route => ({
  method: 'GET',
  path: '/organizations/{id}/balance-alert',
  summary: 'Show when a low balance of an organization is announced',
  description: 'The threshold of `balance.low`; null where it is not announced.',
  tag: 'Money',
  audience: 'operator',
  replySchemas: { 200: balanceAlertSchema },
  refusals: ['NOT_FOUND'],
  async handle({ params }) {
    const id = params['id'] ?? '';
    if (!isId('org', id)) return new Refusal('NOT_FOUND');
    const { state } = await infra.organizations.load(id);
    return state.status === 'none' ? new Refusal('NOT_FOUND') : show(infra, id as OrganizationId);
  },
});

async function show({ accountStates }: Given, organizationId: OrganizationId): Promise<Reply> {
  const body = balanceAlertBody(await accountStates.read(organizationId), organizationId);
  return { status: 200, body };
}
