/** Commands on an account whose store is silent: each has a time of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import * as Account from '../../domain/account/account.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import { accountEvents, deposit, hold, newOrganization, watch } from '../testing/kit.js';
import { openAccounts } from './accounts.js';

describe('commands on an account while its store is silent', () => {
  it('are refused one by one, whether they wait or are under way', async () => {
    const memory = openMemoryEventStore();
    const store = watch(memory);
    const accounts = openAccounts({ store, onError: (error) => expect.fail(String(error)) });
    const org = newOrganization();
    const wish = (n: number) => hold({ organizationId: org, key: `k${n}`, amount: 1n });
    await accounts.submit(org, deposit(org, 100n));
    let answer = (): void => undefined;
    const silence = new Promise<void>((resolve) => (answer = resolve));
    store.before = () => silence;
    const waitedMs = async (n: number) => {
      const since = performance.now();
      const [settled] = await Promise.allSettled([accounts.submit(org, wish(n))]);
      expect(settled?.status === 'rejected' && settled.reason).to.be.instanceOf(StoreUnavailable);
      return performance.now() - since;
    };
    const first = [waitedMs(1), waitedMs(2)];
    await sleep(300);
    const second = waitedMs(3);
    for (const ms of await Promise.all([...first, second])) expect(ms).to.be.within(1_800, 2_300);
    const third = accounts.submit(org, wish(4));
    store.before = async () => undefined;
    answer();
    expect((await third).outcome).to.equal('accepted');
    // What was under way has landed; what was refused while it waited is not even tried.
    const state = (await accountEvents(memory, org)).reduce(Account.evolve, Account.initial());
    expect([state.available, state.held, state.holds.size]).to.deep.equal([97n, 3n, 3]);
  });
});
