import { expect } from 'chai';
import fc from 'fast-check';
import type { ExecutionId, HoldId, OrganizationId } from '../../contracts/ids.js';
import { specFor } from '../testing/given-when-then.js';
import { effectOn, entriesFor } from '../ledger/ledger.js';
import * as Account from './account.js';
import * as Snapshot from './snapshot.js';

const organizationId: OrganizationId = 'org_1';
const at = '2026-01-01T00:00:00.000Z';
const executionId: ExecutionId = 'exec_1';
const holdId: HoldId = 'hold_1';
const { given } = specFor(Account);

const deposited = (amount: bigint, topUpId = 't1'): Account.Event => ({
  type: 'FundsDeposited',
  data: { organizationId, topUpId, amount, at, availableAfter: amount, heldAfter: 0n },
});
const placed = (amount: bigint, rest: bigint, changes: object = {}): Account.Event => ({
  type: 'HoldPlaced',
  data: {
    organizationId,
    executionId,
    generation: 0,
    holdId,
    amount,
    at,
    availableAfter: rest,
    heldAfter: amount,
    ...changes,
  },
});
const place = (amount: bigint, generation = 0) =>
  ({
    type: 'PlaceHold',
    organizationId,
    executionId,
    generation,
    holdId,
    amount,
    at,
  }) as const satisfies Account.Command;
const settle = (cost: bigint, of: HoldId = holdId): Account.Command => ({
  type: 'SettleHold',
  organizationId,
  executionId,
  holdId: of,
  cost,
  at,
});
const release: Account.Command = {
  type: 'ReleaseHold',
  organizationId,
  executionId,
  holdId,
  reason: 'failed',
  at,
};
const deposit = (amount: bigint): Account.Command => ({
  type: 'Deposit',
  organizationId,
  topUpId: 't1',
  amount,
  at,
});
const adjust = (amount: bigint): Account.Command => ({
  type: 'Adjust',
  organizationId,
  adjustmentId: 'a1',
  amount,
  reason: 'a slip',
  at,
});

describe('Account', () => {
  it('takes a deposit, once', () => {
    given().when(deposit(5n)).then(deposited(5n));
    given(deposited(5n)).when(deposit(5n)).thenAlreadyDone();
    given(deposited(5n)).when(deposit(6n)).thenRejected('DepositExistsWithDifferentAmount');
  });

  it('takes what it has forgotten and is recorded for what it was', () => {
    const recorded = { recorded: 5n };
    given()
      .when({ ...deposit(5n), ...recorded })
      .thenAlreadyDone();
    given()
      .when({ ...deposit(6n), ...recorded })
      .thenRejected('DepositExistsWithDifferentAmount');
    given()
      .when({ ...adjust(5n), ...recorded })
      .thenAlreadyDone();
    given()
      .when({ ...adjust(-5n), ...recorded })
      .thenRejected('AdjustmentExistsWithDifferentAmount');
  });

  it('takes no deposit of nothing, of less, or of too much', () => {
    given().when(deposit(0n)).thenRejected('AmountNotPositive');
    given().when(deposit(-1n)).thenRejected('AmountNotPositive');
    given()
      .when(deposit(Account.AMOUNT_MAX + 1n))
      .thenRejected('AmountTooLarge');
  });

  it('adjusts in both directions, never below zero, once', () => {
    const adjusted = (amount: bigint, availableAfter: bigint): Account.Event => ({
      type: 'FundsAdjusted',
      data: {
        organizationId,
        adjustmentId: 'a1',
        amount,
        reason: 'a slip',
        at,
        availableAfter,
        heldAfter: 0n,
      },
    });
    given(deposited(5n)).when(adjust(-5n)).then(adjusted(-5n, 0n));
    given(deposited(5n)).when(adjust(-6n)).thenRejected('AdjustmentExceedsBalance');
    given(deposited(5n), adjusted(-5n, 0n)).when(adjust(-5n)).thenAlreadyDone();
    given(deposited(5n), adjusted(-5n, 0n))
      .when(adjust(5n))
      .thenRejected('AdjustmentExistsWithDifferentAmount');
  });

  it('holds what is there, once per execution and generation', () => {
    given(deposited(10n)).when(place(4n)).then(placed(4n, 6n));
    given(deposited(10n), placed(4n, 6n)).when(place(4n)).thenAlreadyDone();
    given(deposited(10n), placed(4n, 6n))
      .when(place(5n))
      .thenRejected('HoldExistsWithDifferentAmount');
    given(deposited(10n), placed(4n, 6n))
      .when(place(4n, 1))
      .then(placed(4n, 2n, { generation: 1, heldAfter: 8n }));
  });

  it('holds no more than what is available', () => {
    given(deposited(10n)).when(place(10n)).then(placed(10n, 0n));
    given(deposited(10n)).when(place(11n)).thenRejected('InsufficientFunds');
    given(deposited(10n)).when(place(0n)).thenRejected('AmountNotPositive');
    given().when(place(1n)).thenRejected('InsufficientFunds');
  });

  it('holds no more at a time than it is told; a repeat is none, and an end makes room', () => {
    const bounded = (openHoldsMax: number, generation = 0): Account.Command => ({
      ...place(4n, generation),
      openHoldsMax,
    });
    const released: Account.Event = {
      type: 'HoldReleased',
      data: {
        organizationId,
        executionId,
        holdId,
        amount: 4n,
        reason: 'failed',
        at,
        availableAfter: 10n,
        heldAfter: 0n,
      },
    };
    given(deposited(10n)).when(bounded(0)).thenRejected('TooManyOpenHolds');
    given(deposited(10n)).when(bounded(1)).then(placed(4n, 6n));
    given(deposited(10n), placed(4n, 6n)).when(bounded(1)).thenAlreadyDone();
    given(deposited(10n), placed(4n, 6n)).when(bounded(1, 1)).thenRejected('TooManyOpenHolds');
    given(deposited(10n), placed(4n, 6n))
      .when(bounded(2, 1))
      .then(placed(4n, 2n, { generation: 1, heldAfter: 8n }));
    given(deposited(10n), placed(4n, 6n), released)
      .when(bounded(1, 1))
      .then(placed(4n, 6n, { generation: 1 }));
  });

  it('checks whether it would hold, and changes nothing', () => {
    const check = (amount: bigint, openHoldsMax = 1): Account.Command => ({
      type: 'CheckHold',
      organizationId,
      executionId,
      generation: 0,
      amount,
      openHoldsMax,
      at,
    });
    given(deposited(10n)).when(check(10n)).then();
    given(deposited(10n)).when(check(11n)).thenRejected('InsufficientFunds');
    given(deposited(10n)).when(check(10n, 0)).thenRejected('TooManyOpenHolds');
    given(deposited(10n), placed(4n, 6n)).when(check(4n)).thenAlreadyDone();
    given(deposited(10n), placed(4n, 6n))
      .when(check(5n))
      .thenRejected('HoldExistsWithDifferentAmount');
  });

  it('settles to the cost, gives the rest back, and bears the overrun', () => {
    const settled = (charged: bigint, returned: bigint, overrun: bigint): Account.Event => ({
      type: 'HoldSettled',
      data: {
        organizationId,
        executionId,
        holdId,
        at,
        charged,
        returned,
        overrun,
        availableAfter: 6n + returned,
        heldAfter: 0n,
      },
    });
    given(deposited(10n), placed(4n, 6n))
      .when(settle(3n))
      .then(settled(3n, 1n, 0n));
    given(deposited(10n), placed(4n, 6n))
      .when(settle(4n))
      .then(settled(4n, 0n, 0n));
    given(deposited(10n), placed(4n, 6n))
      .when(settle(9n))
      .then(settled(4n, 0n, 5n));
    given(deposited(10n), placed(4n, 6n), settled(3n, 1n, 0n))
      .when(settle(3n))
      .thenAlreadyDone();
    given(deposited(10n), placed(4n, 6n), settled(3n, 1n, 0n))
      .when(release)
      .thenAlreadyDone();
  });

  it('releases in full, once; an unknown hold is nothing to release or settle', () => {
    const released: Account.Event = {
      type: 'HoldReleased',
      data: {
        organizationId,
        executionId,
        holdId,
        amount: 4n,
        reason: 'failed',
        at,
        availableAfter: 10n,
        heldAfter: 0n,
      },
    };
    given(deposited(10n), placed(4n, 6n)).when(release).then(released);
    given(deposited(10n), placed(4n, 6n), released).when(release).thenAlreadyDone();
    given(deposited(10n), placed(4n, 6n)).when(settle(4n, 'hold_other')).thenAlreadyDone();
    given(deposited(10n)).when(release).thenAlreadyDone();
  });

  it('keeps the money right through any walk of commands', () => {
    fc.assert(fc.property(fc.array(anyCommand(), { maxLength: 120 }), walk), { numRuns: 300 });
  });
});

/** Few executions, holds and amounts, so that commands meet one another. */
function anyCommand(): fc.Arbitrary<Account.Command> {
  const stamp = fc.constant({ organizationId, at });
  const amount = fc.bigInt({ min: -3n, max: 40n });
  const n = fc.integer({ min: 0, max: 4 });
  const hold = fc.record({ e: n, h: fc.integer({ min: 0, max: 1 }) }).map(({ e, h }) => ({
    executionId: `exec_${e}` as ExecutionId,
    generation: h,
    holdId: `hold_${e}_${h}` as HoldId,
  }));
  const of = <T extends Account.Command['type']>(type: T) =>
    fc.tuple(stamp, hold, amount, n).map(([stamped, held, money, i]) => {
      const cost = money < 0n ? -money : money;
      const ids = { topUpId: `t${i}`, adjustmentId: `a${i}`, reason: 'failed' };
      return { type, ...stamped, ...held, ...ids, amount: money, cost } as never;
    });
  return fc.oneof(
    of('Deposit'),
    of('Adjust'),
    of('PlaceHold'),
    of('PlaceHold'),
    of('SettleHold'),
    of('ReleaseHold'),
  );
}

function walk(commands: readonly Account.Command[]): void {
  let state = Account.initial();
  const books = { available: 0n, held: 0n };
  const ended = new Map<string, number>();
  for (const command of commands) {
    const decision = Account.decide(state, command);
    if (decision.kind !== 'accepted') continue;
    for (const event of decision.events) {
      state = Account.evolve(state, event);
      for (const leg of entriesFor(event)) {
        books.available += effectOn('available', leg);
        books.held += effectOn('held', leg);
      }
      if (event.type === 'HoldPlaced') ended.set(event.data.holdId, 0);
      if (event.type === 'HoldSettled' || event.type === 'HoldReleased')
        ended.set(event.data.holdId, (ended.get(event.data.holdId) ?? 0) + 1);
      if (event.type === 'HoldSettled')
        expect(event.data.charged >= 0n && event.data.returned >= 0n).to.equal(true);
    }
    const open = [...state.holds.values()].reduce((sum, { amount }) => sum + amount, 0n);
    expect({ available: state.available, held: state.held }).to.deep.equal(books);
    expect(state.held).to.equal(open);
    expect(state.available >= 0n && state.held >= 0n).to.equal(true);
    for (const [hold, times] of ended) expect(times, hold).to.be.at.most(1);
    expect(Account.decide(state, command).kind, 'issued again').to.not.equal('accepted');
    const read = Account.initial();
    for (const part of Snapshot.write(state).split('\n')) Snapshot.readPart(read, part);
    expect(read).to.deep.equal(state);
  }
}
