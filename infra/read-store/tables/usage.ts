/** What organizations were charged, by day, model and key. */
import type { Timestamp } from '../../../contracts/events/envelope.js';
import type { ApiKeyId, OrganizationId } from '../../../contracts/ids.js';
import type { Micros } from '../../../contracts/money.js';
import { column, type Table } from '../table.js';

interface UsageKey {
  readonly organizationId: OrganizationId;
  /** In UTC, of the settlements: `2026-01-31`. */
  readonly day: string;
  readonly model: string;
  /** Empty where it is not known. */
  readonly apiKeyId: ApiKeyId | '';
}

export interface UsageRow extends UsageKey {
  readonly executions: bigint;
  readonly cost: Micros;
}

export const usageDays: Table<UsageKey, UsageRow> = {
  name: 'usage_days',
  key: [
    column('organization_id', 'text', ({ organizationId }) => organizationId),
    column('day', 'text', ({ day }) => day),
    column('model', 'text', ({ model }) => model),
    column('api_key_id', 'text', ({ apiKeyId }) => apiKeyId),
  ],
  rest: [
    column('executions', 'bigint', ({ executions }) => executions),
    column('cost_micros', 'bigint', ({ cost }) => cost),
  ],
  idOf: (key) => `${key.organizationId}/${key.day}/${key.model}/${key.apiKeyId}`,
  sums: ['executions', 'cost_micros'],
  merge: (a, b) => ({ ...a, executions: a.executions + b.executions, cost: a.cost + b.cost }),
};

/** The day of a moment, in UTC. */
export const dayOf = (at: Timestamp): string => at.slice(0, 10);
