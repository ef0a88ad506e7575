/**
 * The quotas of organizations, in memory. Rows that were set are few, and only those behind the
 * last one that was seen are asked for: a quota that an operator sets holds in every process that
 * is in use within `EVERY_MS` and the lag of the projection.
 */
import type { Pool } from 'pg';
import type { Quotas, RequestRate } from '../../contracts/events/organization.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { quotasWith, usualQuotas } from '../../domain/organization/quotas.js';
import { refreshOnUse } from '../concurrency/refresh-on-use.js';
import { START } from '../event-store/port.js';
import { rowsOf } from './reading.js';
import { amount } from './table.js';
import { organizationOf, readQuotas } from './tables/organization-quotas.js';

export interface OrganizationQuotas {
  /** Answered from memory. */
  of(organizationId: OrganizationId): Quotas;
  /** Those that have their payloads erased after so many days. */
  payloadTtls(): ReadonlyMap<OrganizationId, number>;
  /** What was set of it, answered from memory. */
  requestRateOf(organizationId: OrganizationId): Partial<RequestRate>;
  /** Set by this process just now. */
  learn(organizationId: OrganizationId, set: Partial<Quotas & RequestRate>): void;
  /** Throws `StoreUnavailable`. */
  refresh(): Promise<void>;
}

const EVERY_MS = 2_000;

export function openQuotas(
  pool: Pick<Pool, 'query'>,
  onError: (error: unknown) => void,
): OrganizationQuotas {
  const known = new Map<OrganizationId, Quotas>();
  const rates = new Map<OrganizationId, Partial<RequestRate>>();
  let seen = START;
  const learn = (organizationId: OrganizationId, set: Partial<Quotas & RequestRate>) => {
    known.set(organizationId, quotasWith(set));
    rates.set(organizationId, set);
  };
  const refreshing = refreshOnUse({
    async refresh() {
      const rows = await rowsOf(pool, { name: 'quotas', text: ROWS, values: [seen] });
      for (const row of rows) {
        learn(organizationOf(row), readQuotas(row));
        seen = amount(row, 'position');
      }
    },
    everyMs: EVERY_MS,
    onError,
  });
  return {
    of(organizationId) {
      refreshing.used();
      return known.get(organizationId) ?? usualQuotas;
    },
    payloadTtls: () =>
      new Map(
        [...known].flatMap(([id, { payloadTtlDays }]) =>
          payloadTtlDays === undefined ? [] : [[id, payloadTtlDays] as const],
        ),
      ),
    requestRateOf(organizationId) {
      refreshing.used();
      return rates.get(organizationId) ?? NOTHING_SET;
    },
    learn,
    refresh: () => refreshing.refresh(),
  };
}

const NOTHING_SET: Partial<RequestRate> = Object.freeze({});

const ROWS = `
  SELECT organization_id, waiting_executions, storage_bytes, weight, file_ttl_days,
    payload_ttl_days,
    requests_per_minute, request_burst, position
  FROM readmodel.organization_quotas
  WHERE position > $1
  ORDER BY position`;
