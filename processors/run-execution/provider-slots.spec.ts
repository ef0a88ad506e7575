import { expect } from 'chai';
import { pino } from 'pino';
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import type { SlotShares } from '../../infra/slot-shares/port.js';
import { openMemorySlotShares } from '../../infra/slot-shares/testing/memory.js';
import { openProviderSlots } from './provider-slots.js';

const log = pino({ level: 'silent' });
const SLUG = 'aurora';

/** Slots of so many processes, and a clock that only the spec moves. */
function replicas(count: number, bulkhead: number, shares?: SlotShares) {
  const clock = { ms: 0 };
  const kept = shares ?? openMemorySlotShares(() => clock.ms);
  const provider = { slug: SLUG, bulkhead } as Provider;
  const all = Array.from({ length: count }, (_, n) => {
    const calls = { inFlight: 0 };
    const slots = openProviderSlots({
      shares: kept,
      instance: `process-${n}`,
      log,
      providers: () => new Map([[SLUG, provider]]),
      inFlight: () => calls.inFlight,
      clock: () => clock.ms,
    });
    const begin = () => {
      if (calls.inFlight >= slots.of(provider)) return false;
      calls.inFlight += 1;
      return true;
    };
    const end = () => {
      calls.inFlight -= 1;
      slots.freed(SLUG);
    };
    return { calls, slots, begin, end, of: () => slots.of(provider) };
  });
  const sum = () => all.reduce((total, { calls }) => total + calls.inFlight, 0);
  return { clock, all, sum };
}

/** What was asked for at once is answered. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('slots of providers', () => {
  for (const bulkhead of [1, 2, 5])
    it(`are shared: three processes never have ${bulkhead + 1} calls at once`, async () => {
      const { clock, all, sum } = replicas(3, bulkhead);
      const begun = [0, 0, 0];
      let most = 0;
      for (; clock.ms < 60_000; clock.ms += 50) {
        for (const [index, one] of all.entries()) {
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

  it('ask nobody before a call where they are held already', async () => {
    const renewals: string[] = [];
    const memory = openMemorySlotShares();
    const shares: SlotShares = {
      renew(holder, wishes, ttlMs) {
        renewals.push(holder);
        return memory.renew(holder, wishes, ttlMs);
      },
      giveBack: (holder) => memory.giveBack(holder),
    };
    const { clock, all } = replicas(1, 4, shares);
    const [only] = all;
    await only?.slots.renew();
    clock.ms = 900;
    expect([1, 2, 3, 4, 5].map(() => only?.begin())).to.deep.equal([true, true, true, true, false]);
    await settled();
    expect(renewals).to.deep.equal(['process-0']);
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
    expect(slots.of(provider)).to.equal(3);
  });

  it('go to another when given back, and five seconds after their holder is gone', async () => {
    const { clock, all } = replicas(3, 1);
    const [first, second, third] = all;
    await first?.slots.renew();
    expect(first?.begin()).to.equal(true);
    await second?.slots.renew();
    expect(second?.begin()).to.equal(false);
    clock.ms = 4_999;
    await second?.slots.renew();
    expect(second?.begin(), 'it may come back').to.equal(false);
    clock.ms = 5_000;
    await second?.slots.renew();
    expect(second?.begin()).to.equal(true);
    expect(first?.of(), 'it knows that its time is over').to.equal(0);
    first?.end();
    second?.end();
    await first?.slots.close();
    await second?.slots.close();
    await third?.slots.renew();
    expect(third?.begin()).to.equal(true);
  });

  it('hold for five seconds while the store is away, then nothing is begun', async () => {
    const memory = openMemorySlotShares(() => clock.ms);
    const store = { isAway: false };
    const { clock, all } = replicas(1, 2, {
      async renew(...wish) {
        if (store.isAway) throw new Error('away');
        return memory.renew(...wish);
      },
      giveBack: (holder) => memory.giveBack(holder),
    });
    const [only] = all;
    const heard: string[] = [];
    only?.slots.onMore((slug) => heard.push(slug));
    await only?.slots.renew();
    store.isAway = true;
    clock.ms = 4_000;
    await only?.slots.renew();
    expect(only?.of()).to.equal(2);
    clock.ms = 5_000;
    expect(only?.of()).to.equal(0);
    store.isAway = false;
    await only?.slots.renew();
    expect([only?.of(), heard]).to.deep.equal([2, [SLUG, SLUG]]);
  });
});
