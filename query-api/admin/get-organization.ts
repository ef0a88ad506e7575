/** One tenant, as an operator asks about it: all that is set for it, and what stands on it now. */
import { organizationOverviewSchema } from '../../contracts/http/organization-overview.js';
import { rateLimitBody } from '../../contracts/http/rate-limits.js';
import { requirementsBody } from '../../contracts/http/requirements.js';
import { isId, type OrganizationId } from '../../contracts/ids.js';
import { formatMoney } from '../../contracts/money.js';
import { balanceAlertBody, spendingGuardsBody } from '../../domain/account/spending-body.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import { count, maybe, text, time } from '../../infra/read-store/table.js';
import { caughtUp } from '../caught-up.js';
import { OPERATORS, type QueryInfra } from '../query-infra.js';
import { quotasInUse } from './get-organizations-quotas.js';

type Given = Pick<
  QueryInfra,
  'accountStates' | 'config' | 'now' | 'organizations' | 'progress' | 'reads' | 'store'
>;

export const getOrganization = (infra: Given): Route => ({
  method: 'GET',
  path: '/organizations/{id}',
  summary: 'Show an organization',
  description:
    'Its name and times, quotas and what is in use of them, rate limit, spending guards, ' +
    'requirements, number of keys and balance.',
  tag: 'Organizations',
  audience: 'operator',
  replySchemas: { 200: organizationOverviewSchema },
  refusals: ['NOT_FOUND'],
  handle: (request) => handle(infra, request),
});

async function handle(infra: Given, { params }: ApiRequest): Promise<Reply | Refusal> {
  const { id = '' } = params;
  if (!isId('org', id)) return new Refusal('NOT_FOUND');
  const organizationId = id as OrganizationId;
  const [{ state }, account, quotas] = await Promise.all([
    infra.organizations.load(organizationId),
    infra.accountStates.read(organizationId),
    quotasInUse(infra, organizationId),
  ]);
  await caughtUp(infra, 'organizations');
  const [row] = await infra.reads.rows(OPERATORS, { text: ROW, values: [id] });
  if (state.status === 'none' || !quotas || !row) return new Refusal('NOT_FOUND');
  const at = new Date(infra.now()).toISOString();
  const body = {
    id: organizationId,
    name: text(row, 'name'),
    created_at: time(row, 'created_at'),
    erased_at: state.erasedAt ?? null,
    last_used_at: maybe(row, 'last_used_at', 'usedAt', time).usedAt ?? null,
    api_keys: count(row, 'api_keys'),
    balance: {
      available: formatMoney(account.available),
      held: formatMoney(account.held),
      total: formatMoney(account.available + account.held),
    },
    balance_alert: balanceAlertBody(account, organizationId),
    quotas,
    rate_limit: rateLimitBody(organizationId, state.quotas, infra.config.requestRate),
    spending_guards: spendingGuardsBody(account, { organizationId }, at),
    requirements: requirementsBody(state.require),
  };
  return { status: 200, body };
}

const ROW = `
  SELECT o.name, o.created_at, count(k.id) AS api_keys, max(u.used_at) AS last_used_at
  FROM readmodel.organizations o
  LEFT JOIN readmodel.api_keys k ON k.organization_id = o.id AND k.revoked_at IS NULL
  LEFT JOIN processing.api_key_uses u ON u.key_id = k.id
  WHERE o.id = $1
  GROUP BY o.name, o.created_at`;
