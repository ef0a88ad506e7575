import { expect } from 'chai';
import fc from 'fast-check';
import type { AccountEvent } from '../../contracts/events/account.js';
import { effectOn, entriesFor, type Book, type LedgerLeg } from './ledger.js';

const stamp = {
  organizationId: 'org_1',
  at: '2026-01-01T00:00:00.000Z',
  availableAfter: 0n,
  heldAfter: 0n,
} as const;
const hold = { ...stamp, executionId: 'exec_1', holdId: 'hold_1' } as const;

const deposited = (amount: bigint): AccountEvent => ({
  type: 'FundsDeposited',
  data: { ...stamp, topUpId: 't', amount },
});
const adjusted = (amount: bigint): AccountEvent => ({
  type: 'FundsAdjusted',
  data: { ...stamp, adjustmentId: 'a', amount, reason: 'a slip' },
});
const placed = (amount: bigint): AccountEvent => ({
  type: 'HoldPlaced',
  data: { ...hold, generation: 0, amount },
});
const settled = (charged: bigint, returned: bigint, overrun = 0n): AccountEvent => ({
  type: 'HoldSettled',
  data: { ...hold, charged, returned, overrun },
});
const released = (amount: bigint): AccountEvent => ({
  type: 'HoldReleased',
  data: { ...hold, amount, reason: 'failed' },
});

const leg = (
  entryType: LedgerLeg['entryType'],
  from: Book,
  to: Book,
  amount: bigint,
): LedgerLeg => ({ entryType, from, to, amount });

describe('ledger', () => {
  it('books each event on both sides', () => {
    expect(entriesFor(deposited(5n))).to.deep.equal([leg('TOP_UP', 'funding', 'available', 5n)]);
    expect(entriesFor(placed(4n))).to.deep.equal([leg('HOLD', 'available', 'held', 4n)]);
    expect(entriesFor(released(4n))).to.deep.equal([leg('RELEASE', 'held', 'available', 4n)]);
  });

  it('books an adjustment in its direction', () => {
    expect(entriesFor(adjusted(3n))).to.deep.equal([
      leg('ADJUSTMENT', 'adjustments', 'available', 3n),
    ]);
    expect(entriesFor(adjusted(-3n))).to.deep.equal([
      leg('ADJUSTMENT', 'available', 'adjustments', 3n),
    ]);
  });

  it('gives the whole hold back, then takes the charge; an overrun is nobody’s debt', () => {
    const legs = [
      leg('RELEASE', 'held', 'available', 4n),
      leg('SETTLEMENT', 'available', 'revenue', 3n),
    ];
    expect(entriesFor(settled(3n, 1n))).to.deep.equal(legs);
    expect(entriesFor(settled(3n, 1n, 9n))).to.deep.equal(legs);
  });

  it('tells what a leg does to each book', () => {
    const one = leg('HOLD', 'available', 'held', 4n);
    expect(effectOn('available', one)).to.equal(-4n);
    expect(effectOn('held', one)).to.equal(4n);
    expect(effectOn('revenue', one)).to.equal(0n);
  });

  it('is balanced after any event, and no leg is negative', () => {
    const amount = fc.bigInt({ min: 0n, max: 10n ** 15n });
    const event = fc.oneof(
      amount.map(deposited),
      fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }).map(adjusted),
      amount.map(placed),
      amount.map(released),
      fc.tuple(amount, amount, amount).map((parts) => settled(...parts)),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 50 }), (events) => {
        const legs = events.flatMap(entriesFor);
        for (const one of legs) expect(one.amount >= 0n).to.equal(true);
        const books: readonly Book[] = ['funding', 'adjustments', 'available', 'held', 'revenue'];
        const sum = legs.reduce(
          (total, one) => books.reduce((part, book) => part + effectOn(book, one), total),
          0n,
        );
        expect(sum, 'debits equal credits').to.equal(0n);
      }),
    );
  });
});
