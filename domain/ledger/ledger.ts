/**
 * The ledger: double entry. Every leg moves an amount from one book to another, so a leg cannot be
 * unbalanced, and what an account has available is the sum of its public entries.
 */
import type { AccountEvent } from '../../contracts/events/account.js';
import type { Micros } from '../../contracts/money.js';

export type Book = 'funding' | 'adjustments' | 'available' | 'held' | 'revenue';

export type EntryType = 'TOP_UP' | 'HOLD' | 'SETTLEMENT' | 'RELEASE' | 'ADJUSTMENT';

/** `amount` is never negative; the two books give its direction. */
export interface LedgerLeg {
  readonly entryType: EntryType;
  readonly from: Book;
  readonly to: Book;
  readonly amount: Micros;
}

/** An event's legs, in order. A settlement gives the whole hold back, then takes the charge. */
export function entriesFor(event: AccountEvent): readonly LedgerLeg[] {
  switch (event.type) {
    case 'FundsDeposited':
      return [leg('TOP_UP', 'funding', 'available', event.data.amount)];
    case 'FundsAdjusted':
      return event.data.amount < 0n
        ? [leg('ADJUSTMENT', 'available', 'adjustments', -event.data.amount)]
        : [leg('ADJUSTMENT', 'adjustments', 'available', event.data.amount)];
    case 'HoldPlaced':
      return [leg('HOLD', 'available', 'held', event.data.amount)];
    case 'HoldSettled':
      return [
        leg('RELEASE', 'held', 'available', event.data.charged + event.data.returned),
        leg('SETTLEMENT', 'available', 'revenue', event.data.charged),
      ];
    case 'HoldReleased':
      return [leg('RELEASE', 'held', 'available', event.data.amount)];
    case 'SpendingGuardSet':
    case 'BalanceAlertSet':
    case 'BalanceRanLow':
      return [];
  }
}

/** What the leg does to a book: plus where it goes to, minus where it comes from. */
export const effectOn = (book: Book, { from, to, amount }: LedgerLeg): Micros =>
  to === book ? amount : from === book ? -amount : 0n;

const leg = (entryType: EntryType, from: Book, to: Book, amount: Micros): LedgerLeg => ({
  entryType,
  from,
  to,
  amount,
});
