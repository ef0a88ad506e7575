/** The quotas of an organization, and how much of them is in use. */
import { quotasInUseSchema } from '../../contracts/http/organizations.js';
import { isId, type OrganizationId } from '../../contracts/ids.js';
import { quotasBody } from '../../domain/organization/quotas.js';
import { Refusal, type ApiRequest, type Reply, type Route } from '../../http/server/route.js';
import { count } from '../../infra/read-store/table.js';
import { readQuotas } from '../../infra/read-store/tables/organization-quotas.js';
import { caughtUp } from '../caught-up.js';
import { OPERATORS, type QueryInfra } from '../query-infra.js';

type Given = Pick<QueryInfra, 'progress' | 'reads' | 'store'>;

export const getOrganizationsQuotas = (infra: Given): Route => ({
  method: 'GET',
  path: '/organizations/{id}/quotas',
  summary: 'Show the quotas of an organization',
  description: 'What it may have at most, and how much of it is used.',
  tag: 'Organizations',
  audience: 'operator',
  replySchemas: { 200: quotasInUseSchema },
  refusals: ['NOT_FOUND'],
  handle: (request) => handle(infra, request),
});

async function handle(infra: Given, { params }: ApiRequest): Promise<Reply | Refusal> {
  const id = params['id'] ?? '';
  if (!isId('org', id)) return new Refusal('NOT_FOUND');
  const body = await quotasInUse(infra, id as OrganizationId);
  return body ? { status: 200, body } : new Refusal('NOT_FOUND');
}

/** Undefined where there is no such organization. */
export async function quotasInUse(infra: Given, id: OrganizationId) {
  await Promise.all(PROJECTIONS.map((name) => caughtUp(infra, name)));
  const [row] = await infra.reads.rows(OPERATORS, { text: ROW, values: [id] });
  if (!row) return undefined;
  const used = {
    waiting_executions: count(row, 'open_holds'),
    storage_bytes: count(row, 'stored_bytes'),
  };
  return { ...quotasBody(id, readQuotas(row)), used };
}

const PROJECTIONS = ['organizations', 'organization_quotas', 'holds', 'storage'];

const ROW = `
  SELECT q.waiting_executions, q.storage_bytes, q.weight, q.file_ttl_days,
    q.payload_ttl_days,
    (SELECT count(*) FROM readmodel.holds h WHERE h.organization_id = o.id) AS open_holds,
    coalesce(s.bytes, 0) AS stored_bytes
  FROM readmodel.organizations o
  LEFT JOIN readmodel.organization_quotas q ON q.organization_id = o.id
  LEFT JOIN readmodel.stored_bytes s ON s.organization_id = o.id
  WHERE o.id = $1`;
