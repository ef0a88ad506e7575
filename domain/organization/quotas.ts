/** Quotas: those of everybody, and those that an operator set. */
import type { Quotas } from '../../contracts/events/organization.js';
import type { OrganizationId } from '../../contracts/ids.js';

export const usualQuotas: Quotas = {
  waitingExecutions: 200_000,
  storageBytes: 20_000_000_000,
  weight: 1,
  fileTtlDays: 30,
};

export const quotasWith = (set: Partial<Quotas>): Quotas => ({
  waitingExecutions: set.waitingExecutions ?? usualQuotas.waitingExecutions,
  storageBytes: set.storageBytes ?? usualQuotas.storageBytes,
  weight: set.weight ?? usualQuotas.weight,
  fileTtlDays: set.fileTtlDays ?? usualQuotas.fileTtlDays,
  ...(set.payloadTtlDays !== undefined && { payloadTtlDays: set.payloadTtlDays }),
});

/** As operators read them. */
export function quotasBody(organizationId: OrganizationId, set: Partial<Quotas>) {
  const quotas = quotasWith(set);
  const { waitingExecutions, storageBytes, weight, fileTtlDays } = quotas;
  return {
    organization_id: organizationId,
    waiting_executions: waitingExecutions,
    storage_bytes: storageBytes,
    weight,
    file_ttl_days: fileTtlDays,
    payload_ttl_days: quotas.payloadTtlDays ?? null,
  };
}
