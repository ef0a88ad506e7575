/** The balance of each account. Every event carries it, so no row is read. */
import type { AccountEvent } from '../../contracts/events/account.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { accountBalances as table } from '../../infra/read-store/tables/billing.js';
import { projection, type Batch } from '../engine/projection.js';

export const accountBalances = projection<AccountEvent>(
  'account_balances',
  { version: 1, tables: [table] },
  {
    FundsDeposited: setBalance,
    FundsAdjusted: setBalance,
    HoldPlaced: setBalance,
    HoldSettled: setBalance,
    HoldReleased: setBalance,
    SpendingGuardSet: setBalance,
    BalanceAlertSet: setBalance,
    BalanceRanLow: setBalance,
  },
);

function setBalance({ data, revision, position }: RecordedEvent<AccountEvent>, batch: Batch): void {
  const { organizationId, availableAfter: available, heldAfter: held, at: changedAt } = data;
  batch.of(table).put({ organizationId, available, held, changedAt, revision, position });
}
