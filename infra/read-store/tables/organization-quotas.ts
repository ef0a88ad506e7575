/** The quotas that operators set for organizations. */
import type { Quotas, RequestRate } from '../../../contracts/events/organization.js';
import type { OrganizationId } from '../../../contracts/ids.js';
import { column, count, maybe, text, type Row, type Table } from '../table.js';

export interface OrganizationQuotasRow {
  readonly organizationId: OrganizationId;
  readonly quotas: Partial<Quotas & RequestRate>;
  readonly position: bigint;
}

type OfOrganization = Pick<OrganizationQuotasRow, 'organizationId'>;

export const organizationQuotas: Table<OfOrganization, OrganizationQuotasRow> = {
  name: 'organization_quotas',
  key: [column('organization_id', 'text', ({ organizationId }) => organizationId)],
  rest: [
    column('waiting_executions', 'integer', ({ quotas }) => quotas.waitingExecutions),
    column('storage_bytes', 'bigint', ({ quotas }) => quotas.storageBytes),
    column('weight', 'integer', ({ quotas }) => quotas.weight),
    column('file_ttl_days', 'integer', ({ quotas }) => quotas.fileTtlDays),
    column('payload_ttl_days', 'integer', ({ quotas }) => quotas.payloadTtlDays),
    column('requests_per_minute', 'integer', ({ quotas }) => quotas.requestsPerMinute),
    column('request_burst', 'integer', ({ quotas }) => quotas.requestBurst),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ organizationId }) => organizationId,
};

export const readQuotas = (row: Row): Partial<Quotas & RequestRate> => ({
  ...maybe(row, 'waiting_executions', 'waitingExecutions', count),
  ...maybe(row, 'storage_bytes', 'storageBytes', count),
  ...maybe(row, 'weight', 'weight', count),
  ...maybe(row, 'file_ttl_days', 'fileTtlDays', count),
  ...maybe(row, 'payload_ttl_days', 'payloadTtlDays', count),
  ...maybe(row, 'requests_per_minute', 'requestsPerMinute', count),
  ...maybe(row, 'request_burst', 'requestBurst', count),
});

export const organizationOf = (row: Row): OrganizationId => text(row, 'organization_id');
