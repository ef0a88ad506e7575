/** Every movement of money that an organization sees, with the available amount after it. */
import type { AccountEvent } from '../../contracts/events/account.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { effectOn, entriesFor } from '../../domain/ledger/ledger.js';
import { ledgerEntries as table, type LedgerRow } from '../../infra/read-store/tables/billing.js';
import { projection, type Batch } from '../engine/projection.js';

export const ledgerEntries = projection<AccountEvent>(
  'ledger_entries',
  { version: 1, tables: [table] },
  {
    FundsDeposited: enter,
    FundsAdjusted: enter,
    HoldPlaced: enter,
    HoldSettled: enter,
    HoldReleased: enter,
  },
);

function enter(event: RecordedEvent<AccountEvent>, batch: Batch): void {
  for (const row of rowsFor(event)) batch.of(table).create(row);
}

/** The event carries the amount available after all its legs; the balance of each leg follows. */
function rowsFor(event: RecordedEvent<AccountEvent>): readonly LedgerRow[] {
  const { data, position } = event;
  const { organizationId, availableAfter, at } = data;
  const legs = entriesFor(event).map((leg) => ({ ...leg, effect: effectOn('available', leg) }));
  let balance = legs.reduce((before, { effect }) => before - effect, availableAfter);
  return legs.map(({ entryType, from, to, effect }, index) => {
    balance += effect;
    return {
      organizationId,
      position,
      leg: index,
      entryType,
      amount: effect,
      balance,
      from,
      to,
      ...('executionId' in data && { executionId: data.executionId }),
      at,
    };
  });
}
