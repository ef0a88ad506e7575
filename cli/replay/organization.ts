/** An organization's money as it was: its balance, its last event and its open holds. */
import type { OrganizationId } from '../../contracts/ids.js';
import { formatMoney } from '../../contracts/money.js';
import { accountThen } from '../../query-api/as-of/account-then.js';
import type { Cut } from '../../query-api/as-of/cut.js';
import { openHoldsThen } from '../../query-api/billing/holds-then.js';
import type { ReplayInfra } from './infra.js';

/** The newest of them are listed. */
const HOLDS_SHOWN = 1_000;

export async function organizationReplayed(
  infra: ReplayInfra,
  organizationId: OrganizationId,
  cut: Cut,
) {
  const last = await accountThen(infra, organizationId, cut);
  const { availableAfter: available, heldAfter: held } = last?.data ?? {
    availableAfter: 0n,
    heldAfter: 0n,
  };
  const filter = { organizationId, executionId: undefined, range: {} };
  const holds = await (await openHoldsThen(infra, filter, cut))(undefined, HOLDS_SHOWN);
  return {
    id: organizationId,
    available: formatMoney(available),
    held: formatMoney(held),
    total: formatMoney(available + held),
    last_event: last
      ? {
          type: last.type,
          at: last.data.at,
          revision: last.revision,
          position: `${last.position}`,
        }
      : null,
    open_holds: holds.map(({ holdId, executionId, amount, placedAt }) => ({
      id: holdId,
      execution_id: executionId,
      amount: formatMoney(amount),
      created_at: placedAt,
    })),
  };
}
