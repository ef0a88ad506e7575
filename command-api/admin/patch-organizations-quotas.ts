/** The operator sets quotas of an organization. */
import {
  quotasSchema,
  setQuotasSchema,
  type SetQuotasBody,
} from '../../contracts/http/organizations.js';
import { quotasBody } from '../../domain/organization/quotas.js';
import type { QuotaChanges } from '../../domain/organization/organization.js';
import type { ApiRequest, Refusal, Reply, Route } from '../../http/server/route.js';
import { operatorMetadata } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { organizationIn } from '../organization-in.js';
import { refused } from '../refusals.js';

export const patchOrganizationsQuotas = (commands: Commands): Route => ({
  method: 'PATCH',
  path: '/organizations/{id}/quotas',
  operationId: 'adminSetOrganizationQuotas',
  summary: 'Set quotas of an organization',
  description:
    'At once where it is answered; in other processes within three seconds. What is over a quota ' +
    'that was lowered goes on; nothing more is accepted until there is room.',
  tag: 'Organizations',
  audience: 'operator',
  bodySchema: setQuotasSchema,
  replySchemas: { 200: quotasSchema },
  refusals: ['NOT_FOUND'],
  handle: (request) => handle(commands, request),
});

async function handle(
  { organizations, quotas, now }: Commands,
  request: ApiRequest,
): Promise<Reply | Refusal> {
  const organizationId = organizationIn(request);
  const changes = changesIn(request.body as SetQuotasBody);
  const at = new Date(now()).toISOString();
  const command = { type: 'SetQuotas', changes, at } as const;
  const metadata = operatorMetadata(request, organizationId);
  const result = await organizations.transact(organizationId, command, metadata);
  if (result.outcome === 'rejected') return refused(result.reason);
  const set = result.state.status === 'created' ? result.state.quotas : {};
  quotas.learn(organizationId, set);
  return {
    status: 200,
    body: quotasBody(organizationId, set),
    logFields: { organizationId },
  };
}

const changesIn = (body: SetQuotasBody): QuotaChanges => ({
  ...(body.waiting_executions !== undefined && { waitingExecutions: body.waiting_executions }),
  ...(body.storage_bytes !== undefined && { storageBytes: body.storage_bytes }),
  ...(body.weight !== undefined && { weight: body.weight }),
  ...(body.file_ttl_days !== undefined && { fileTtlDays: body.file_ttl_days }),
});
