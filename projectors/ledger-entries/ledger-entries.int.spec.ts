import { expect } from 'chai';
import { ledgerEntries as table } from '../../infra/read-store/tables/billing.js';
import {
  at,
  deposited,
  openReadModels,
  ORGANIZATION,
  storyOf,
  type Fact,
  type ReadModels,
} from '../testing/kit.js';
import { ledgerEntries } from './ledger-entries.js';

const adjusted = (second: number, amount: bigint, availableAfter: bigint): Fact => ({
  stream: `account-${ORGANIZATION}`,
  type: 'FundsAdjusted',
  data: {
    organizationId: ORGANIZATION,
    adjustmentId: `${amount}`,
    amount,
    reason: 'a slip',
    availableAfter,
    heldAfter: 0n,
    at: at(second),
  },
});

describe('projection ledger_entries', () => {
  let models: ReadModels;
  before(async () => {
    models = await openReadModels();
  });
  beforeEach(() => models.reset());
  after(() => models?.close());

  it('given movements, then an entry for each leg with what is available after it', async () => {
    const [first, second] = [storyOf(), storyOf()];
    await models.append(deposited(0), first.held(1), first.settled(2));
    await models.append(second.held(3, 986_000n), second.released(4, 996_000n));
    await models.append(adjusted(5, -500n, 995_500n), adjusted(6, 100n, 995_600n));
    await models.project(ledgerEntries, 2);

    const entry = (
      [position, leg]: [number, number],
      [entry_type, amount, balance]: [string, number, number],
      [from_book, to_book]: [string, string],
      execution_id?: string,
    ) => ({
      organization_id: ORGANIZATION,
      position: `${position}`,
      leg,
      entry_type,
      amount_micros: `${amount}`,
      balance_micros: `${balance}`,
      from_book,
      to_book,
      ...(execution_id && { execution_id }),
      at: at(position),
    });
    expect(await models.rows(table, 'position, leg')).to.deep.equal([
      entry([0, 0], ['TOP_UP', 1_000_000, 1_000_000], ['funding', 'available']),
      entry([1, 0], ['HOLD', -10_000, 990_000], ['available', 'held'], first.executionId),
      entry([2, 0], ['RELEASE', 10_000, 1_000_000], ['held', 'available'], first.executionId),
      entry([2, 1], ['SETTLEMENT', -4_000, 996_000], ['available', 'revenue'], first.executionId),
      entry([3, 0], ['HOLD', -10_000, 986_000], ['available', 'held'], second.executionId),
      entry([4, 0], ['RELEASE', 10_000, 996_000], ['held', 'available'], second.executionId),
      entry([5, 0], ['ADJUSTMENT', -500, 995_500], ['available', 'adjustments']),
      entry([6, 0], ['ADJUSTMENT', 100, 995_600], ['adjustments', 'available']),
    ]);
  });
});
