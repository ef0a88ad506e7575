import { expect } from 'chai';
import type { ApiKeyId, OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import type * as Account from '../../domain/account/account.js';
import { eventually } from '../../testing/eventually.js';
import { deposit, hold, kindsOfStores, newOrganization, type Stores } from '../testing/kit.js';
import { openAccountStates } from './account-states.js';
import { openAccounts, type Accounts } from './accounts.js';

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
const at = '2026-01-01T00:00:00.000Z';
const KEY: ApiKeyId = 'key_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44';

for (const [kind, openStores] of Object.entries(kindsOfStores))
  describe(`spending guards over the ${kind} store`, () => {
    let stores: Stores;
    let accounts: Accounts;
    let org: OrganizationId;
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);

    before(async () => {
      stores = await openStores();
    });
    after(() => stores.close());
    beforeEach(async () => {
      accounts = openAccounts({ store: stores.store, onError });
      org = newOrganization();
      await accounts.submit(org, deposit(org, 100_000n));
      errors.length = 0;
    });
    afterEach(() => expect(errors).to.deep.equal([]));

    const wish = (n: number, amount = 10n, apiKeyId?: ApiKeyId) => {
      const queued = hold({ organizationId: org, key: `k${n}`, amount });
      const command = { ...queued.command, ...(apiKeyId && { apiKeyId }) } as Account.Command;
      return { ...queued, command };
    };
    const guard = (via: Accounts, limits: object) => {
      const about = { organizationId: org, setBy: 'operator', cleared: [], at } as const;
      const { metadata } = deposit(org, 1n);
      const command = { type: 'SetSpendingGuard', ...about, ...limits } as Account.Command;
      return via.submit(org, { command, metadata });
    };
    const another = async () => openAccounts({ store: await stores.another(), onError });
    const outcomesOf = async (results: Promise<{ outcome: string; reason?: string }>[]) => {
      const counts: Record<string, number> = {};
      for (const { outcome, reason = outcome } of await Promise.all(results))
        counts[reason] = (counts[reason] ?? 0) + 1;
      return counts;
    };

    it('let exactly so many of 500 racing holds pass as fit, of two processes', async () => {
      const rival = await another();
      await guard(rival, { dailyLimit: 1_009n });
      await guard(accounts, { apiKeyId: KEY, maxInFlight: 20 });
      const outcomes = await outcomesOf(
        numbers(500).map((n) =>
          (n % 2 ? accounts : rival).submit(org, wish(n, 10n, n % 5 ? undefined : KEY)),
        ),
      );
      expect(outcomes['accepted']).to.equal(100);
      const state = await openAccountStates({ store: stores.store, onError }).read(org);
      expect([state.held, state.holds.size]).to.deep.equal([1_000n, 100]);
      expect(state.spent.get(KEY)?.openHolds).to.be.at.most(20);
    });

    it('hold on in a process that starts from a snapshot', async () => {
      await guard(accounts, { dailyLimit: 12_100n, perMinute: 12_100n });
      await guard(accounts, { apiKeyId: KEY, monthlyLimit: 6_060n });
      await Promise.all(numbers(1_200).map((n) => accounts.submit(org, wish(n, 10n, KEY))));
      await eventually('a snapshot', () => stores.store.readSnapshot(streamOf('account', org)));
      const cold = await another();
      const outcomes = await outcomesOf([
        cold.submit(org, wish(9_001, 60n, KEY)),
        cold.submit(org, wish(9_002, 6_041n)),
        cold.submit(org, wish(9_003, 6_040n)),
      ]);
      expect(outcomes).to.deep.equal({
        accepted: 1,
        KeyMonthlyLimit: 1,
        OrganizationDailyLimit: 1,
      });
    });

    it('count what was spent before the snapshot of an earlier release', async () => {
      await accounts.submit(org, wish(1, 40n));
      await accounts.submit(org, wish(2, 20n));
      const stream = streamOf('account', org);
      const [deposited, first, second] = await stores.store.readStream(stream);
      const holds = [first, second].map((event) => {
        const { holdId, executionId, amount } = event?.data as Account.Hold;
        return [holdId, executionId, 0, amount.toString()];
      });
      const books = { available: '99940', held: '60', lastGeneration: 0 };
      const moved = { deposits: [['t1', '100000']], adjustments: [] };
      const text = `${second?.id}\n${JSON.stringify({ ...books, holds: [], ...moved })}`;
      const state = `${text}\n${JSON.stringify(holds)}`;
      await eventually('its own snapshot', () => stores.store.readSnapshot(stream));
      await stores.store.writeSnapshot(stream, { revision: 2, version: 102, state });
      const cold = await another();
      await guard(cold, { dailyLimit: 100n });
      const { executionId, holdId } = first?.data as Account.Hold;
      const settle = { type: 'SettleHold', organizationId: org, executionId, holdId } as const;
      const { metadata } = deposit(org, 1n);
      await cold.submit(org, { command: { ...settle, cost: 30n, at }, metadata });
      const outcomes = await outcomesOf([
        cold.submit(org, wish(3, 51n)),
        cold.submit(org, wish(4, 50n)),
      ]);
      expect(deposited?.type).to.equal('FundsDeposited');
      expect(outcomes).to.deep.equal({ OrganizationDailyLimit: 1, accepted: 1 });
    });
  });
