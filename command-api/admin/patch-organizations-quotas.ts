/** The operator sets quotas of an organization. */
import {
  quotasSchema,
  setQuotasSchema,
  type SetQuotasBody,
} from '../../contracts/http/organizations.js';
import { quotasBody } from '../../domain/organization/quotas.js';
import type { QuotaChanges } from '../../domain/organization/organization.js';
import type { Route } from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { setQuotas } from './set-quotas.js';

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
  handle: (request) =>
    setQuotas(commands, request, changesIn(request.body as SetQuotasBody), quotasBody),
});

const changesIn = (body: SetQuotasBody): QuotaChanges => ({
  ...(body.waiting_executions !== undefined && { waitingExecutions: body.waiting_executions }),
  ...(body.storage_bytes !== undefined && { storageBytes: body.storage_bytes }),
  ...(body.weight !== undefined && { weight: body.weight }),
  ...(body.file_ttl_days !== undefined && { fileTtlDays: body.file_ttl_days }),
  ...(body.payload_ttl_days !== undefined && { payloadTtlDays: body.payload_ttl_days }),
});
