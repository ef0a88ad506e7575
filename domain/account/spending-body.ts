/** Spending guards and the alert of a low balance, as owners and operators read them. */
import type { SpendingLimits } from '../../contracts/events/account.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { ApiKeyId, OrganizationId } from '../../contracts/ids.js';
import { formatMoney, type Micros } from '../../contracts/money.js';
import {
  dayOf,
  nothingSpent,
  openHoldsOf,
  spentIn,
  spentWithinAMinute,
  type Spending,
} from './spending.js';

export interface Asked {
  readonly organizationId: OrganizationId;
  /** Absent where the organization's are asked for. */
  readonly apiKeyId?: ApiKeyId | undefined;
}

/** `used` is what counts at `at`. */
export function spendingGuardsBody(
  spending: Spending,
  { organizationId, apiKeyId }: Asked,
  at: Timestamp,
) {
  const scope = apiKeyId ?? 'organization';
  const guard = spending.guards.get(scope);
  const spent = spending.spent.get(scope) ?? nothingSpent;
  const { daily, monthly } = spentIn(spent, dayOf(at));
  return {
    organization_id: organizationId,
    api_key_id: apiKeyId ?? null,
    ...limitsBody(guard?.inForce),
    set_by_operator: limitsBody(guard?.operator),
    set_by_owner: limitsBody(guard?.owner),
    used: {
      daily_limit: formatMoney(daily),
      monthly_limit: formatMoney(monthly),
      per_minute: formatMoney(spentWithinAMinute(spent, at)),
      max_in_flight: openHoldsOf(spending, scope),
    },
  };
}

const limitsBody = (limits: SpendingLimits = {}) => ({
  daily_limit: moneyOrNull(limits.dailyLimit),
  monthly_limit: moneyOrNull(limits.monthlyLimit),
  max_cost_per_execution: moneyOrNull(limits.maxCostPerExecution),
  per_minute: moneyOrNull(limits.perMinute),
  max_in_flight: limits.maxInFlight ?? null,
});

interface Balance {
  readonly available: Micros;
  readonly alert: { readonly threshold: Micros } | undefined;
}

export const balanceAlertBody = (
  { available, alert }: Balance,
  organizationId: OrganizationId,
) => ({
  organization_id: organizationId,
  threshold: moneyOrNull(alert?.threshold),
  available: formatMoney(available),
  is_low: alert !== undefined && available < alert.threshold,
});

const moneyOrNull = (amount: Micros | undefined): string | null =>
  amount === undefined ? null : formatMoney(amount);
