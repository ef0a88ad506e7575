/** A key that was used once is honoured for ever, however many newer ones there are. */
import { expect } from 'chai';
import { movementIdOf, type OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { REMEMBERED_MAX } from '../../domain/account/account.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import {
  accountEvents,
  deposit,
  kindsOfStores,
  newOrganization,
  watch,
  type Stores,
} from '../testing/kit.js';
import { openEventStoreDbStores } from '../testing/event-store-db-stores.js';
import { openAccounts, type Accounts } from './accounts.js';
import type { QueuedCommand } from './decide-batch.js';

const NEWER = REMEMBERED_MAX + 50;
const AT_A_TIME = 250;

const kinds = { ...kindsOfStores, EventStoreDB: openEventStoreDbStores };

for (const [kind, openStores] of Object.entries(kinds))
  describe(`keys of top-ups and adjustments over the ${kind} store`, function () {
    this.timeout(120_000);
    let stores: Stores;
    let accounts: Accounts;
    let org: OrganizationId;

    const cold = async (): Promise<Accounts> =>
      openAccounts({ store: await stores.another(), onError: raise });
    const raise = (error: unknown) => {
      throw error;
    };
    const adjust = (amount: bigint, adjustmentId: string): QueuedCommand => ({
      ...deposit(org, amount),
      command: {
        type: 'Adjust',
        organizationId: org,
        adjustmentId,
        amount,
        reason: 'a slip',
        at: '2026-01-01T00:00:00.000Z',
      },
    });
    const outcomesOf = async (by: Accounts, ...asked: readonly QueuedCommand[]) => {
      const results = await Promise.all(asked.map((queued) => by.submit(org, queued)));
      return results.map((one) => (one.outcome === 'rejected' ? one.reason : one.outcome));
    };
    const balance = async () =>
      (await accountEvents(stores.store, org)).at(-1)?.data.availableAfter;
    const recordsOf = (key: string) =>
      stores.store.readStream(streamOf('movement', movementIdOf(org, 'topUp', key)));

    /** `first` of each kind, then so many newer ones of each. */
    before(async () => {
      stores = await openStores();
      org = newOrganization();
      accounts = openAccounts({ store: stores.store, onError: raise });
      await outcomesOf(accounts, deposit(org, 5n, 'first'), adjust(7n, 'first'));
      for (let n = 0; n < NEWER; n += AT_A_TIME) {
        const few = Array.from({ length: Math.min(AT_A_TIME, NEWER - n) }, (_, m) => `${n + m}`);
        await outcomesOf(accounts, ...few.map((key) => deposit(org, 1n, key)));
        await outcomesOf(accounts, ...few.map((key) => adjust(1n, key)));
      }
    });
    after(() => stores.close());

    it('are honoured after any number of newer ones, here and with a cold cache', async () => {
      const due = 12n + 2n * BigInt(NEWER);
      for (const by of [accounts, await cold()]) {
        expect(
          await outcomesOf(
            by,
            deposit(org, 5n, 'first'),
            adjust(7n, 'first'),
            deposit(org, 1n, '7'),
            deposit(org, 6n, 'first'),
            adjust(-7n, 'first'),
          ),
        ).to.deep.equal([
          'alreadyDone',
          'alreadyDone',
          'alreadyDone',
          'DepositExistsWithDifferentAmount',
          'AdjustmentExistsWithDifferentAmount',
        ]);
        expect(await balance()).to.equal(due);
      }
    });

    it('are recorded once, and only those that are forgotten', async () => {
      expect(await recordsOf('first')).to.have.length(1);
      expect(await recordsOf('40')).to.have.length(1);
      expect(await recordsOf(`${NEWER - 1}`)).to.deep.equal([]);
    });

    it('are honoured by the batch that forgets them', async () => {
      const all = await accountEvents(stores.store, org);
      const eldest = all
        .filter(({ type }) => type === 'FundsDeposited')
        .map(({ data }) => ('topUpId' in data ? data.topUpId : ''))
        .at(-REMEMBERED_MAX);
      if (eldest === undefined) throw new Error('there is none');
      const asked = [deposit(org, 1n, 'newest'), deposit(org, 1n, eldest)];
      expect(await outcomesOf(accounts, ...asked)).to.deep.equal(['accepted', 'alreadyDone']);
    });

    it('have one winner of those who race, with cold caches', async () => {
      const [one, other] = [await cold(), await cold()];
      const before = (await balance()) ?? 0n;
      const outcomes = await Promise.all(
        [one, other, accounts].map((by) => outcomesOf(by, deposit(org, 3n, 'raced'))),
      );
      expect(outcomes.flat().sort()).to.deep.equal(['accepted', 'alreadyDone', 'alreadyDone']);
      expect(await balance()).to.equal(before + 3n);
    });

    it('are forgotten by nobody while their records cannot be written', async () => {
      const store = watch(await stores.another());
      const cut = openAccounts({ store, onError: raise });
      store.before = async ({ appends: [first] }) => {
        if (first.stream.startsWith('movement-')) throw new StoreUnavailable('cut off');
      };
      const before = await balance();
      const refused = await cut
        .submit(org, deposit(org, 1n, 'later'))
        .catch((error: unknown) => error);
      expect(refused).to.be.instanceOf(StoreUnavailable);
      expect(await balance()).to.equal(before);
    });
  });
