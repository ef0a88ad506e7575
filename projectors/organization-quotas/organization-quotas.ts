/** The quotas that operators set. Every event carries all of them, so no row is read. */
import type { OrganizationQuotasSet } from '../../contracts/events/organization.js';
import { organizationQuotas as table } from '../../infra/read-store/tables/organization-quotas.js';
import { projection } from '../engine/projection.js';

export const organizationQuotas = projection<OrganizationQuotasSet>(
  'organization_quotas',
  { version: 1, tables: [table] },
  {
    OrganizationQuotasSet: ({ data, position }, batch) => {
      const { organizationId, at: _, ...quotas } = data;
      batch.of(table).put({ organizationId, quotas, position });
    },
  },
);
