/** Balances of accounts, ledger entries, open holds, and those that were open for long. */
import type { Timestamp } from '../../../contracts/events/envelope.js';
import type { ExecutionId, HoldId, OrganizationId } from '../../../contracts/ids.js';
import type { Micros } from '../../../contracts/money.js';
import type { Book, EntryType } from '../../../domain/ledger/ledger.js';
import { amount, column, count, maybe, text, time, type Row, type Table } from '../table.js';

interface BalanceRow {
  readonly organizationId: OrganizationId;
  readonly available: Micros;
  readonly held: Micros;
  readonly changedAt: Timestamp;
  readonly revision: number;
  readonly position: bigint;
}

type OfOrganization = Pick<BalanceRow, 'organizationId'>;

export const accountBalances: Table<OfOrganization, BalanceRow> = {
  name: 'account_balances',
  key: [column('organization_id', 'text', ({ organizationId }) => organizationId)],
  rest: [
    column('available_micros', 'bigint', ({ available }) => available),
    column('held_micros', 'bigint', ({ held }) => held),
    column('changed_at', 'timestamptz', ({ changedAt }) => changedAt),
    column('revision', 'integer', ({ revision }) => revision),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ organizationId }) => organizationId,
};

/** `amount` is the effect on the available amount, `balance` the available amount after it. */
export interface LedgerRow {
  readonly organizationId: OrganizationId;
  readonly position: bigint;
  readonly leg: number;
  readonly entryType: EntryType;
  readonly amount: Micros;
  readonly balance: Micros;
  readonly from: Book;
  readonly to: Book;
  readonly executionId?: ExecutionId;
  readonly at: Timestamp;
}

type LedgerKey = Pick<LedgerRow, 'organizationId' | 'position' | 'leg'>;

export const ledgerEntries: Table<LedgerKey, LedgerRow> = {
  name: 'ledger_entries',
  key: [
    column('organization_id', 'text', ({ organizationId }) => organizationId),
    column('position', 'bigint', ({ position }) => position),
    column('leg', 'integer', ({ leg }) => leg),
  ],
  rest: [
    column('entry_type', 'text', ({ entryType }) => entryType),
    column('amount_micros', 'bigint', (entry) => entry.amount),
    column('balance_micros', 'bigint', ({ balance }) => balance),
    column('from_book', 'text', ({ from }) => from),
    column('to_book', 'text', ({ to }) => to),
    column('execution_id', 'text', ({ executionId }) => executionId),
    column('at', 'timestamptz', ({ at }) => at),
  ],
};

export const readLedgerEntry = (row: Row): LedgerRow => ({
  organizationId: text(row, 'organization_id'),
  position: amount(row, 'position'),
  leg: count(row, 'leg'),
  entryType: text(row, 'entry_type'),
  amount: amount(row, 'amount_micros'),
  balance: amount(row, 'balance_micros'),
  from: text(row, 'from_book'),
  to: text(row, 'to_book'),
  ...maybe(row, 'execution_id', 'executionId', text<ExecutionId>),
  at: time(row, 'at'),
});

export interface HoldRow {
  readonly holdId: HoldId;
  readonly organizationId: OrganizationId;
  readonly executionId: ExecutionId;
  readonly generation: number;
  readonly amount: Micros;
  readonly placedAt: Timestamp;
  readonly position: bigint;
  /** Of the event that placed it; absent in rows of releases that did not keep it. */
  readonly revision?: number;
}

export const holds: Table<Pick<HoldRow, 'holdId'>, HoldRow> = {
  name: 'holds',
  key: [column('hold_id', 'text', ({ holdId }) => holdId)],
  rest: [
    column('organization_id', 'text', ({ organizationId }) => organizationId),
    column('execution_id', 'text', ({ executionId }) => executionId),
    column('generation', 'integer', ({ generation }) => generation),
    column('amount_micros', 'bigint', (hold) => hold.amount),
    column('placed_at', 'timestamptz', ({ placedAt }) => placedAt),
    column('position', 'bigint', ({ position }) => position),
    column('revision', 'integer', ({ revision }) => revision),
  ],
  idOf: ({ holdId }) => holdId,
  read: readHold,
};

/** `endedPosition` and `spanClass`, see there, tell where in the log it was open. */
interface LongHoldRow extends HoldRow {
  readonly endedPosition: bigint;
  readonly spanClass: number;
}

type LongHoldKey = Pick<LongHoldRow, 'organizationId' | 'position' | 'spanClass'>;

export const longHolds: Table<LongHoldKey, LongHoldRow> = {
  name: 'long_holds',
  key: [
    column('organization_id', 'text', ({ organizationId }) => organizationId),
    column('span_class', 'integer', ({ spanClass }) => spanClass),
    column('position', 'bigint', ({ position }) => position),
  ],
  rest: [
    column('ended_position', 'bigint', ({ endedPosition }) => endedPosition),
    column('hold_id', 'text', ({ holdId }) => holdId),
    column('execution_id', 'text', ({ executionId }) => executionId),
    column('generation', 'integer', ({ generation }) => generation),
    column('amount_micros', 'bigint', (hold) => hold.amount),
    column('placed_at', 'timestamptz', ({ placedAt }) => placedAt),
  ],
  idOf: ({ position }) => `${position}`,
};

/**
 * The class of a hold by the positions that it was open for. Those are computed with only to find
 * rows: whether a hold was open is told by comparing them.
 */
export const spanClassOf = (placed: bigint, ended: bigint): number =>
  (ended - placed).toString(2).length - 1;

/** A hold that ended after more events of its account than these is kept as a long one. */
export const SHORT_HOLD_EVENTS = 1_000;

export function readHold(row: Row): HoldRow {
  return {
    holdId: text(row, 'hold_id'),
    organizationId: text(row, 'organization_id'),
    executionId: text(row, 'execution_id'),
    generation: count(row, 'generation'),
    amount: amount(row, 'amount_micros'),
    placedAt: time(row, 'placed_at'),
    position: amount(row, 'position'),
    ...maybe(row, 'revision', 'revision', count),
  };
}
