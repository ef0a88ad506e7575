/** What every keeper of shares must do. */
import { expect } from 'chai';
import { eventually } from '../../../testing/eventually.js';
import type { LimitShares } from '../port.js';

interface SharesHarness {
  readonly shares: LimitShares;
  close(): Promise<void>;
}

/** Longer than any of the cases takes, and short enough to wait for. */
const LONG_MS = 60_000;
const SHORT_MS = 150;

export function limitSharesContract(name: string, open: () => Promise<SharesHarness>): void {
  describe(`limit shares contract: ${name}`, () => {
    let harness: SharesHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const renew = async (holder: string, demand: number, perMinute = 100, ttlMs = LONG_MS) => {
      const wish = { limit: 'work', perMinute, demand };
      return (await harness.shares.renew(holder, [wish], ttlMs)).get('work');
    };

    it('gives all to the only one, and halves to two that want more', async () => {
      expect(await renew('a', 500)).to.equal(100);
      expect(await renew('b', 500)).to.equal(0);
      expect(await renew('a', 500)).to.equal(50);
      expect(await renew('b', 500)).to.equal(50);
    });

    it('never gives out more than the limit, however many ask at once', async () => {
      const holders = Array.from({ length: 8 }, (_, n) => `holder-${n}`);
      for (let round = 0; round < 3; round++) {
        const parts = await Promise.all(holders.map((holder) => renew(holder, 500)));
        const sum = parts.reduce<number>((all, part) => all + (part ?? 0), 0);
        if (round === 2) expect(sum).to.be.closeTo(100, 1e-6);
      }
    });

    it('leaves what was given back, and what ran out, to others', async () => {
      await renew('a', 500);
      await harness.shares.giveBack('a');
      expect(await renew('b', 500, 100, SHORT_MS)).to.equal(100);
      await eventually('it ran out', async () => (await renew('c', 500)) === 100);
    });

    it('keeps limits apart, and follows a limit that changes', async () => {
      expect(await renew('a', 500)).to.equal(100);
      const other = { limit: 'other', perMinute: 7, demand: 500 };
      expect((await harness.shares.renew('b', [other], LONG_MS)).get('other')).to.equal(7);
      expect(await renew('a', 500, 40)).to.equal(40);
      expect(await harness.shares.renew('a', [], LONG_MS)).to.deep.equal(new Map());
    });
  });
}
