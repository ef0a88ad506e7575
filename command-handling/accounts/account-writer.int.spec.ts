import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { executionIdOf, type OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import * as Account from '../../domain/account/account.js';
import * as AccountSnapshot from '../../domain/account/snapshot.js';
import { eventually } from '../../testing/eventually.js';
import { StoreOverloaded, StoreUnavailable } from '../../infra/event-store/port.js';
import { openAccounts, type Accounts } from './accounts.js';
import type { AccountResult } from './decide-batch.js';
import {
  accountEvents,
  deposit,
  hold,
  kindsOfStores,
  newOrganization,
  watch,
  type Stores,
  type Watched,
} from '../testing/kit.js';
import { appendOf } from '../streams.js';

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

for (const [kind, openStores] of Object.entries(kindsOfStores))
  describe(`accounts over the ${kind} store`, () => {
    let stores: Stores;
    let store: Watched;
    let accounts: Accounts;
    let org: OrganizationId;
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);

    before(async () => {
      stores = await openStores();
    });
    after(() => stores.close());
    beforeEach(() => {
      store = watch(stores.store);
      accounts = openAccounts({ store, onError });
      org = newOrganization();
      errors.length = 0;
    });
    afterEach(() => expect(errors).to.deep.equal([]));

    const wish = (n: number, amount = 1n) => hold({ organizationId: org, key: `k${n}`, amount });
    const totals = async () => {
      const events = await accountEvents(stores.store, org);
      const state = events.reduce(Account.evolve, Account.initial());
      return { available: state.available, held: state.held, holds: state.holds.size };
    };

    it('makes one append for all that wait', async () => {
      const results = await Promise.all([
        accounts.submit(org, deposit(org, 100n)),
        ...numbers(50).map((n) => accounts.submit(org, wish(n))),
      ]);
      expect(results.map(({ outcome }) => outcome)).to.deep.equal(Array(51).fill('accepted'));
      const requests = results.slice(1).map((one) => one.outcome === 'accepted' && one.dependent);
      expect(requests.every((one) => one && one.status === 'appended')).to.equal(true);
      expect(store.appends).to.have.length(1);
      expect(store.appends[0]?.appends).to.have.length(51);
      expect(await totals()).to.deep.equal({ available: 50n, held: 50n, holds: 50 });
    });

    it('makes the next append of all that came while one was under way', async () => {
      await accounts.submit(org, deposit(org, 100n));
      let late: Promise<unknown>[] = [];
      store.before = async () => {
        store.before = async () => undefined;
        late = numbers(20).map((n) => accounts.submit(org, wish(n)));
      };
      await accounts.submit(org, wish(99));
      await Promise.all(late);
      expect(store.appends.map(({ appends }) => appends.length)).to.deep.equal([1, 2, 21]);
    });

    it('keeps the payloads of one append within bounds', async () => {
      await accounts.submit(org, deposit(org, 100n));
      const large = (n: number) =>
        hold({ organizationId: org, key: `large${n}`, payloadBytes: 64 * 1024 });
      await Promise.all(numbers(40).map((n) => accounts.submit(org, large(n))));
      expect(store.appends.map(({ appends }) => appends.length - 1)).to.deep.equal([0, 17, 17, 6]);
      expect(await totals()).to.deep.equal({ available: 60n, held: 40n, holds: 40 });
    });

    it('answers a repetition with the open hold, a refusal with its reason', async () => {
      await accounts.submit(org, deposit(org, 10n));
      await accounts.submit(org, wish(1, 4n));
      expect(await accounts.submit(org, deposit(org, 10n))).to.deep.equal({
        outcome: 'alreadyDone',
        hold: undefined,
      });
      const again = await accounts.submit(org, wish(1, 4n));
      if (again.outcome !== 'alreadyDone') throw new Error(again.outcome);
      expect(again.hold).to.include({ executionId: executionIdOf(org, 'k1'), amount: 4n });
      expect(await accounts.submit(org, wish(2, 7n))).to.deep.equal({
        outcome: 'rejected',
        reason: 'InsufficientFunds',
        hold: undefined,
      });
      const other = await accounts.submit(org, wish(1, 5n));
      expect(other).to.deep.include({
        outcome: 'rejected',
        reason: 'HoldExistsWithDifferentAmount',
        hold: again.hold,
      });
    });

    it('decides again when another process was first, and appends what still holds', async () => {
      const rival = openAccounts({ store: await stores.another(), onError });
      await accounts.submit(org, deposit(org, 10n));
      store.before = async () => {
        store.before = async () => undefined;
        await rival.submit(org, wish(1, 8n));
      };
      const results = await Promise.all(
        [wish(2, 2n), wish(3, 2n)].map((queued) => accounts.submit(org, queued)),
      );
      expect(results.map(({ outcome }) => outcome)).to.deep.equal(['accepted', 'rejected']);
      expect(await totals()).to.deep.equal({ available: 0n, held: 10n, holds: 2 });
    });

    it('reads on from what it knows while a rival writes', async () => {
      const rival = openAccounts({ store: await stores.another(), onError });
      await accounts.submit(org, deposit(org, 1_000n));
      await Promise.all(numbers(100).map((n) => rival.submit(org, wish(n))));
      await accounts.submit(org, wish(1_000)); // loses once, and reads all of it
      const { eventsRead, snapshotReads } = store.counts;
      let n = 200;
      store.before = async ({ appends }) => {
        if (appends.length === 2 && n < 220) await rival.submit(org, wish(n++));
      };
      await accounts.submit(org, wish(2_000));
      expect(store.counts.eventsRead - eventsRead, 'only the news').to.equal(20);
      expect(store.counts.snapshotReads).to.equal(snapshotReads);
      expect(await totals()).to.deep.equal({ available: 878n, held: 122n, holds: 122 });
    });

    it('never refuses for lack of money that another process has brought', async () => {
      const rival = openAccounts({ store: await stores.another(), onError });
      await accounts.submit(org, deposit(org, 1n));
      expect((await accounts.submit(org, wish(1, 5n))).outcome).to.equal('rejected');
      await rival.submit(org, deposit(org, 10n, 't2'));
      expect((await accounts.submit(org, wish(1, 5n))).outcome).to.equal('accepted');
    });

    it('lets 37 of 200 racing holds have the money for 37, between two processes', async () => {
      const rival = openAccounts({ store: await stores.another(), onError });
      await accounts.submit(org, deposit(org, 37n));
      const both = [accounts, rival];
      const results = await Promise.all(
        numbers(200).map(async (n) => {
          await new Promise((resolve) => setTimeout(resolve, n % 7));
          return both[n % 2]?.submit(org, wish(n));
        }),
      );
      const count = (outcome: string) => results.filter((one) => one?.outcome === outcome).length;
      expect([count('accepted'), count('rejected')]).to.deep.equal([37, 163]);
      expect(await totals()).to.deep.equal({ available: 0n, held: 37n, holds: 37 });
    });

    it('rejects only the commands that are invalid, not their neighbours', async () => {
      await accounts.submit(org, deposit(org, 100n));
      const unwritable = hold({ organizationId: org, key: 'x'.repeat(600) });
      const broken = {
        ...wish(77),
        dependent: () => {
          throw new RangeError('broken');
        },
      };
      const results = await Promise.allSettled(
        [wish(1), unwritable, wish(2), broken, wish(3)].map((one) => accounts.submit(org, one)),
      );
      expect(results.map(({ status }) => status)).to.deep.equal([
        'fulfilled',
        'rejected',
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
      const names = results.map((one) => one.status === 'rejected' && (one.reason as Error).name);
      expect(names.filter(Boolean)).to.deep.equal(['InvalidEvent', 'RangeError']);
      expect(await totals()).to.deep.equal({ available: 97n, held: 3n, holds: 3 });
      await Promise.all(numbers(5).map((n) => accounts.submit(org, wish(n + 10))));
      expect(store.appends.at(-1)?.appends, 'together again').to.have.length(6);
    });

    it('refuses past its bounds with StoreOverloaded', async () => {
      const bounded = openAccounts({ store, onError, queueMax: 5, commandsMax: 7 });
      const outcomes = async (count: number, of: (n: number) => OrganizationId) => {
        const results = await Promise.allSettled(
          numbers(count).map((n) => bounded.submit(of(n), deposit(of(n), 1n, `t${n}`))),
        );
        const refused = results.filter(
          (one) => one.status === 'rejected' && one.reason instanceof StoreOverloaded,
        );
        return [results.filter(({ status }) => status === 'fulfilled').length, refused.length];
      };
      expect(await outcomes(8, () => org), 'one account').to.deep.equal([5, 3]);
      const many = numbers(10).map(newOrganization);
      expect(await outcomes(10, (n) => many[n] ?? org), 'all accounts').to.deep.equal([7, 3]);
      expect(await outcomes(5, () => org), 'afterwards').to.deep.equal([5, 0]);
    });

    it('rejects those of a batch when the store is away, and asks the log afterwards', async () => {
      await accounts.submit(org, deposit(org, 100n));
      let late: Promise<AccountResult>[] = [];
      store.before = async (unit) => {
        late = numbers(30).map((n) => accounts.submit(org, wish(n + 100)));
        store.before = async () => undefined;
        await stores.store.append(unit); // it landed, and nobody heard
        throw new StoreUnavailable('cut off');
      };
      const [lost] = await Promise.allSettled([accounts.submit(org, wish(1))]);
      expect(lost?.status === 'rejected' && lost.reason).to.be.instanceOf(StoreUnavailable);
      const waited = await Promise.all(late);
      expect(waited.map(({ outcome }) => outcome)).to.deep.equal(Array(30).fill('accepted'));
      expect(store.appends, 'one more unit').to.have.length(2);
      const repeated = await accounts.submit(org, wish(1));
      expect(repeated.outcome).to.equal('alreadyDone');
      expect(await totals()).to.deep.equal({ available: 69n, held: 31n, holds: 31 });
    });

    it('decides no command that nobody waits for any more', async () => {
      await accounts.submit(org, deposit(org, 100n));
      const now = performance.now();
      const until = (n: number, decideBefore: number) => ({ ...wish(n), decideBefore });
      const [late, ...others] = await Promise.allSettled(
        [until(1, now - 1), until(2, now + 60_000), wish(3)].map((one) =>
          accounts.submit(org, one),
        ),
      );
      expect(late?.status === 'rejected' && late.reason).to.be.instanceOf(StoreUnavailable);
      expect(others.map(({ status }) => status)).to.deep.equal(['fulfilled', 'fulfilled']);
      expect(await totals()).to.deep.equal({ available: 98n, held: 2n, holds: 2 });
    });

    it('evicts idle accounts, and reads them again', async () => {
      const few = openAccounts({ store, onError, accountsMax: 2 });
      const [a, b, c] = [newOrganization(), newOrganization(), newOrganization()] as const;
      for (const one of [a, b, a, c]) await few.submit(one, deposit(one, 1n, one));
      expect(store.counts.snapshotReads).to.equal(3);
      await few.submit(a, deposit(a, 1n, 'again'));
      expect(store.counts.snapshotReads, 'a was used last').to.equal(3);
      await few.submit(b, deposit(b, 1n, 'again'));
      expect(store.counts.snapshotReads).to.equal(4);
    });

    it('starts cold from a snapshot at any age of the account', async () => {
      await accounts.submit(org, deposit(org, 100_000n));
      for (let n = 0; n < 10_000; n += 250)
        await Promise.all(
          numbers(250).map(async (m) => {
            const key = `k${n + m}`;
            const { command, metadata } = hold({ organizationId: org, key });
            if (command.type !== 'PlaceHold') return;
            await accounts.submit(org, { command, metadata });
            const { executionId, holdId, at: then } = command;
            const ending = { organizationId: org, executionId, holdId, at: then };
            const settle = { type: 'SettleHold', ...ending, cost: 1n } as const;
            await accounts.submit(org, { command: settle, metadata });
          }),
        );
      await eventually('the snapshot is written', async () => {
        const snapshot = await stores.store.readSnapshot(streamOf('account', org));
        return snapshot && snapshot.revision > 18_500;
      });
      const cold = watch(await stores.another());
      const began = performance.now();
      const result = await openAccounts({ store: cold, onError }).submit(org, wish(99_999));
      expect(result.outcome).to.equal('accepted');
      expect(cold.counts.eventsRead).to.be.at.most(1_500);
      expect(performance.now() - began).to.be.below(4_000);
      expect(await totals()).to.deep.equal({ available: 89_999n, held: 1n, holds: 1 });
    });

    /** So many deposits, put into the log by nobody who takes snapshots. */
    const imported = async (count: number) => {
      const stream = streamOf('account', org);
      const state = Account.initial();
      for (let n = 0; n < count; n += 500) {
        const events = numbers(500).flatMap((m) => {
          const { command } = deposit(org, 1n, `i${n + m}`);
          const decision = Account.decide(state, command);
          if (decision.kind !== 'accepted') throw new Error(decision.kind);
          for (const event of decision.events) Account.evolve(state, event);
          return decision.events;
        });
        await store.append({
          appends: [appendOf(stream, n - 1, events, deposit(org, 1n).metadata)],
        });
      }
      return stream;
    };

    it('spares the next who starts cold the reading of an imported log', async () => {
      const stream = await imported(3_000);
      const refused = await accounts.submit(org, wish(1, 5_000n));
      expect(refused.outcome, 'nothing is appended').to.equal('rejected');
      expect(store.counts.eventsRead).to.equal(3_000);
      await eventually('a snapshot is written', () => stores.store.readSnapshot(stream));
      const cold = watch(await stores.another());
      await openAccounts({ store: cold, onError }).submit(org, wish(1, 5_000n));
      expect(cold.counts.eventsRead, 'the one that it ends with').to.equal(1);
    });

    it('does not believe a snapshot of an older shape', async () => {
      await accounts.submit(org, deposit(org, 5n));
      const stream = streamOf('account', org);
      await eventually('its own snapshot', () => stores.store.readSnapshot(stream));
      const state = AccountSnapshot.write({ ...Account.initial(), available: 99n });
      await stores.store.writeSnapshot(stream, { revision: 0, version: 1, state });
      const cold = openAccounts({ store: await stores.another(), onError });
      expect((await cold.submit(org, wish(1, 6n))).outcome).to.equal('rejected');
    });

    it('reads a snapshot of the release before, and writes its own', async () => {
      await accounts.submit(org, deposit(org, 5n));
      await accounts.submit(org, wish(1, 2n));
      const stream = streamOf('account', org);
      await eventually('its own snapshot', () => stores.store.readSnapshot(stream));
      const [, last] = await stores.store.readStream(stream);
      const { executionId, holdId } = last?.data as { executionId: string; holdId: string };
      const state = JSON.stringify({
        available: '3',
        held: '2',
        holds: [[holdId, executionId, 0, '2']],
        deposits: [[`${org}`, '5']],
        adjustments: [],
      });
      const written = { revision: 1, version: 101, state: `${last?.id}\n${state}` };
      await stores.store.writeSnapshot(stream, written);
      const cold = watch(await stores.another());
      const fresh = openAccounts({ store: cold, onError });
      expect((await fresh.submit(org, wish(2, 4n))).outcome).to.equal('rejected');
      expect(cold.counts.eventsRead, 'the last, and its month').to.equal(5);
      expect((await fresh.submit(org, wish(1, 2n))).outcome).to.equal('alreadyDone');
    });

    it('lets other work go on while a state of many holds is written and read', async () => {
      await accounts.submit(org, deposit(org, 100_000n));
      for (let n = 0; n < 12_000; n += 2_000)
        await Promise.all(numbers(2_000).map((m) => accounts.submit(org, wish(n + m))));
      const stream = streamOf('account', org);
      await eventually('a snapshot of ten thousand', async () => {
        const snapshot = await stores.store.readSnapshot(stream);
        return snapshot && snapshot.state.split('\n').length > 10;
      });
      const cold = openAccounts({ store: await stores.another(), onError });
      let turns = 0;
      let isDone = false;
      const count = (): void => {
        turns += 1;
        if (!isDone) setImmediate(count);
      };
      setImmediate(count);
      expect((await cold.submit(org, wish(99_999, 90_000n))).outcome).to.equal('rejected');
      isDone = true;
      expect(turns).to.be.greaterThan(10);
    });

    it('does not believe a snapshot of a log that was restored from an earlier copy', async () => {
      const stream = await imported(500);
      const rich = { ...Account.initial(), available: 99_000n };
      const about = (revision: number) => ({
        revision,
        version: 101,
        state: `${randomUUID()}\n${AccountSnapshot.write(rich)}`,
      });
      for (const revision of [499, 5_000]) {
        await stores.store.writeSnapshot(stream, about(revision));
        const cold = openAccounts({ store: await stores.another(), onError });
        expect((await cold.submit(org, wish(1, 600n))).outcome, `${revision}`).to.equal('rejected');
      }
      const cold = openAccounts({ store: await stores.another(), onError });
      expect((await cold.submit(org, wish(2, 500n))).outcome).to.equal('accepted');
    });

    it('does not believe a snapshot that it cannot read', async () => {
      await accounts.submit(org, deposit(org, 5n));
      const stream = streamOf('account', org);
      await eventually('its own snapshot', () => stores.store.readSnapshot(stream));
      await stores.store.writeSnapshot(stream, { revision: 0, version: 101, state: '{"broken' });
      const cold = openAccounts({ store: await stores.another(), onError });
      expect((await cold.submit(org, wish(1, 5n))).outcome).to.equal('accepted');
      expect(errors).to.have.length(1);
      errors.length = 0;
    });
  });
