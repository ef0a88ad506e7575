import { expect } from 'chai';
import fc from 'fast-check';
import { pino } from 'pino';
import type { Model, Provider } from '../../contracts/catalogue/catalogue.js';
import type { SlotShares } from '../../infra/slot-shares/port.js';
import { openMemorySlotShares } from '../../infra/slot-shares/testing/memory.js';
import { openProviderSlots } from './provider-slots.js';

const log = pino({ level: 'silent' });
const SLUG = 'aurora';

interface Store {
  isAway: boolean;
  renewals: number;
}

/** The store of shares, which can be away, also after it has granted something. */
function countedShares(clock: { readonly ms: number }): SlotShares & { readonly store: Store } {
  const memory = openMemorySlotShares(() => clock.ms);
  const store: Store = { isAway: false, renewals: 0 };
  return {
    store,
    async renew(...wish) {
      store.renewals += 1;
      if (store.isAway) throw new Error('away');
      return memory.renew(...wish);
    },
    giveBack: (holder) => memory.giveBack(holder),
  };
}

/** Slots of so many processes, and a clock that only the spec moves. */
function replicas(count: number, bulkhead: number) {
  const clock = { ms: 0 };
  const shares = countedShares(clock);
  const provider = { slug: SLUG, bulkhead } as Provider;
  const all = Array.from({ length: count }, (_, n) => {
    const calls = { inFlight: 0, waiting: 0, isDead: false };
    const slots = openProviderSlots({
      shares,
      instance: `process-${n}`,
      log,
      providers: () => new Map([[SLUG, provider]]),
      inFlight: () => calls.inFlight,
      clock: () => clock.ms,
    });
    const offers: string[] = [];
    slots.serve({ wanted: () => calls.waiting, offer: (slug) => offers.push(slug) });
    const begin = () => {
      if (calls.inFlight >= slots.of(provider)) return false;
      calls.inFlight += 1;
      return true;
    };
    const end = () => {
      calls.inFlight -= 1;
      slots.freed(SLUG);
    };
    return { calls, slots, begin, end, offers, held: () => slots.held(provider) };
  });
  const sum = () => all.reduce((total, { calls }) => total + calls.inFlight, 0);
  return { clock, all, sum, provider, store: shares.store };
}

/** What was asked for at once is answered. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('slots of providers', () => {
  for (const bulkhead of [1, 2, 5])
    it(`are shared: three processes never have ${bulkhead + 1} calls at once`, async () => {
      const { clock, all, sum } = replicas(3, bulkhead);
      const begun = [0, 0, 0];
      let most = 0;
      for (; clock.ms < 60_000; clock.ms += 50) {
        for (const [index, one] of all.entries()) {
          one.calls.waiting = 9;
          while (one.calls.inFlight > 0 && clock.ms % 200 === index * 50) one.end();
          while (one.begin()) begun[index] = (begun[index] ?? 0) + 1;
          if (clock.ms % 1_000 === index * 300) void one.slots.renew();
        }
        await settled();
        most = Math.max(most, sum());
      }
      expect(most).to.equal(bulkhead);
      const total = begun.reduce((all_, one) => all_ + one, 0);
      for (const count of begun) expect(count, 'each has its turns').to.be.above(total / 6);
      expect(total, 'few are idle').to.be.above(0.7 * bulkhead * 300);
    });

  it('are never more than there are, whatever is called, renewed and away', async () => {
    const step = fc.record({
      who: fc.nat(3),
      what: fc.constantFrom('begin', 'begin', 'end', 'renew', 'away', 'back'),
      forMs: fc.nat(900),
    });
    const steps = fc.array(step, { minLength: 40, maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), steps, async (bulkhead, taken) => {
        const { clock, all, sum, store } = replicas(4, bulkhead);
        let heardMs = 0;
        for (const { who, what, forMs } of taken) {
          const one = all[who];
          if (what === 'begin') while (one?.begin()) expect(sum()).to.be.at.most(bulkhead);
          else if (what === 'end' && one && one.calls.inFlight > 0) one.end();
          else if (what === 'away') store.isAway = true;
          else if (what === 'back') store.isAway = false;
          else void one?.slots.renew();
          await settled();
          // A process that cannot renew for five seconds is the documented exception.
          if (store.isAway && clock.ms + forMs - heardMs > 4_000) store.isAway = false;
          clock.ms += forMs;
          for (const { slots } of all) await slots.renew();
          if (!store.isAway) heardMs = clock.ms;
        }
      }),
      { numRuns: 60 },
    );
  });

  it('ask nobody before a call where they are held already', async () => {
    const { clock, all, store } = replicas(1, 4);
    const [only] = all;
    expect(only?.begin()).to.equal(false);
    await settled();
    expect(only?.offers, 'who waits is started').to.deep.equal([SLUG]);
    clock.ms = 40;
    expect([1, 2, 3].map(() => only?.begin())).to.deep.equal([true, true, true]);
    await settled();
    expect(store.renewals).to.equal(1);
  });

  it('are asked for, of all providers of a model, before a route is chosen', async () => {
    const { all, store, provider } = replicas(1, 4);
    const [only] = all;
    const model = { routes: [{ provider: SLUG }, { provider: 'gone' }] } as unknown as Model;
    const asking = only?.slots.ask([{ model }]);
    expect(asking).to.not.equal(undefined);
    await asking;
    expect(only?.slots.of(provider)).to.be.at.least(1);
    expect(only?.slots.ask([{ model }]), 'it is known now').to.equal(undefined);
    expect(store.renewals).to.equal(1);
  });

  it('come within about a second to a process that needs some, of one that has all', async () => {
    const { clock, all } = replicas(2, 10);
    const [first, second] = all;
    if (!first || !second) throw new Error('there are two');
    first.calls.waiting = 20;
    first.begin();
    await settled();
    while (first.begin());
    expect(first.calls.inFlight).to.equal(10);
    second.calls.waiting = 20;
    for (; clock.ms < 1_300; clock.ms += 50) {
      second.begin();
      if (clock.ms === 500) await first.slots.renew();
      if (clock.ms > 500 && first.calls.inFlight > 5) first.end();
      await settled();
    }
    while (second.begin());
    expect([first.calls.inFlight, second.calls.inFlight]).to.deep.equal([5, 5]);
    expect(second.offers).to.not.deep.equal([]);
  });

  it('are given back when they are not needed any more, and then nobody is asked', async () => {
    const { clock, all, store } = replicas(2, 10);
    const [first, second] = all;
    first?.begin();
    await settled();
    expect(first?.held()).to.equal(9);
    for (; clock.ms <= 31_000; clock.ms += 1_000) await first?.slots.renew();
    expect(first?.held()).to.equal(0);
    const { renewals } = store;
    await first?.slots.renew();
    expect(store.renewals).to.equal(renewals);
    if (second) second.calls.waiting = 20;
    second?.begin();
    await settled();
    expect(second?.held()).to.equal(10);
  });

  it('are all of the only process over its data', () => {
    const provider = { slug: SLUG, bulkhead: 3 } as Provider;
    const slots = openProviderSlots({
      shares: undefined,
      instance: 'only',
      log,
      providers: () => new Map(),
      inFlight: () => 0,
      clock: () => 0,
    });
    expect([slots.of(provider), slots.held(provider)]).to.deep.equal([3, 3]);
  });

  endings();
});

function endings(): void {
  it('go to another when given back, and five seconds after their holder is gone', async () => {
    const { clock, all } = replicas(3, 1);
    const [first, second, third] = all;
    const ask = async (one = first) => {
      one?.begin();
      await one?.slots.renew();
      return one?.begin();
    };
    expect(await ask(first)).to.equal(true);
    expect(await ask(second)).to.equal(false);
    clock.ms = 4_999;
    expect(await ask(second), 'it may come back').to.equal(false);
    clock.ms = 5_000;
    expect(await ask(second)).to.equal(true);
    expect(first?.held(), 'it knows that its time is over').to.equal(0);
    first?.end();
    second?.end();
    await first?.slots.close();
    await second?.slots.close();
    expect(await ask(third)).to.equal(true);
  });

  it('hold for five seconds while the store is away, then nothing is begun', async () => {
    const { clock, all, store } = replicas(1, 2);
    const [only] = all;
    only?.begin();
    await settled();
    expect([only?.begin(), only?.offers]).to.deep.equal([true, [SLUG]]);
    store.isAway = true;
    clock.ms = 4_000;
    await only?.slots.renew();
    expect(only?.held()).to.be.above(0);
    clock.ms = 5_000;
    expect([only?.held(), only?.begin()]).to.deep.equal([0, false]);
    store.isAway = false;
    await only?.slots.renew();
    expect(only?.begin()).to.equal(true);
    expect(only?.offers).to.deep.equal([SLUG, SLUG]);
  });
}
