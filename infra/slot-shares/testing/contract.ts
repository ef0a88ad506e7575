/** What every keeper of shares of slots must do. */
import { expect } from 'chai';
import { eventually } from '../../../testing/eventually.js';
import type { SlotShares } from '../port.js';

interface SharesHarness {
  readonly shares: SlotShares;
  close(): Promise<void>;
}

interface Wished {
  readonly demand?: number;
  readonly limit?: number;
  readonly inUse?: number;
  readonly ttlMs?: number;
  readonly provider?: string;
}

type Renew = (holder: string, wish?: Wished) => Promise<number | undefined>;

/** Longer than any of the cases takes, and short enough to wait for. */
const LONG_MS = 60_000;
const SHORT_MS = 150;

export function slotSharesContract(name: string, open: () => Promise<SharesHarness>): void {
  describe(`slot shares contract: ${name}`, () => {
    let harness: SharesHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const renew: Renew = (holder, wish) => renewOne(harness.shares, holder, wish);

    it('gives all to the only one, and halves to two that want more', async () => {
      expect(await renew('a')).to.equal(10);
      expect(await renew('b')).to.equal(0);
      expect(await renew('a')).to.equal(5);
      expect(await renew('b')).to.equal(5);
    });

    it('leaves a holder what it has in use, and gives others no more than the rest', async () => {
      expect(await renew('a', { inUse: 8 })).to.equal(10);
      expect(await renew('b')).to.equal(0);
      expect(await renew('a', { inUse: 8 })).to.equal(8);
      expect(await renew('b')).to.equal(2);
      expect(await renew('a', { inUse: 5 })).to.equal(5);
      expect(await renew('b')).to.equal(5);
    });

    it('tells a holder what it is to have before it is anybody else’s', async () => {
      await renew('a');
      const told: number[] = [];
      const keep = (slots: number) => {
        told.push(slots);
        return 7;
      };
      await renew('b');
      const wish = { provider: 'aurora', limit: 10, demand: 50, keep };
      const kept = await harness.shares.renew('a', [wish], LONG_MS);
      expect([told, [...kept]]).to.deep.equal([[5], [['aurora', 7]]]);
      expect(await renew('b')).to.equal(3);
    });

    it('never gives one slot to two, however many ask at once', async () => {
      const holders = Array.from({ length: 8 }, (_, n) => `holder-${n}`);
      const held = new Map<string, number>();
      for (let round = 0; round < 3; round++)
        await Promise.all(
          holders.map(async (holder) => {
            const inUse = held.get(holder) ?? 0;
            const slots = await renew(holder, { limit: 1, demand: 1, inUse });
            held.set(holder, slots ?? 0);
            const sum = [...held.values()].reduce((all, one) => all + one, 0);
            expect(sum).to.be.at.most(1);
          }),
        );
      expect([...held.values()].filter((slots) => slots === 1)).to.have.length(1);
    });

    endings(() => harness.shares, renew);
  });
}

/** How shares end, and what they are of. */
function endings(shares: () => SlotShares, renew: Renew): void {
  it('leaves what was given back, and what ran out, to others', async () => {
    await renew('a');
    await shares().giveBack('a');
    expect(await renew('b', { ttlMs: SHORT_MS })).to.equal(10);
    await eventually('it ran out', async () => (await renew('c')) === 10);
  });

  it('leaves what its holder does not wish for any more to others', async () => {
    await renew('a');
    await renew('a', { provider: 'borealis' });
    expect(await renew('b')).to.equal(10);
    await shares().renew('a', [], LONG_MS);
    expect(await renew('b', { provider: 'borealis' })).to.equal(10);
  });

  it('leaves a tenth to whoever comes next while nobody wants it', async () => {
    expect(await renew('a', { demand: 3 })).to.equal(9);
    expect(await renew('b', { demand: 3 })).to.equal(1);
    expect(await renew('a', { demand: 3 })).to.equal(4);
    expect(await renew('b', { demand: 3 })).to.equal(4);
  });

  it('keeps providers apart, and follows a limit that changes', async () => {
    expect(await renew('a')).to.equal(10);
    expect(await renew('b', { provider: 'borealis', limit: 3 })).to.equal(3);
    expect(await renew('a', { limit: 4 })).to.equal(4);
    expect(await renew('a', { limit: 12 })).to.equal(12);
    expect(await shares().renew('a', [], LONG_MS)).to.deep.equal(new Map());
  });
}

async function renewOne(
  shares: SlotShares,
  holder: string,
  { demand = 50, limit = 10, inUse = 0, ttlMs = LONG_MS, provider = 'aurora' }: Wished = {},
): Promise<number | undefined> {
  const keep = (slots: number) => Math.max(slots, inUse);
  const wish = { provider, limit, demand, keep };
  return (await shares.renew(holder, [wish], ttlMs)).get(provider);
}
