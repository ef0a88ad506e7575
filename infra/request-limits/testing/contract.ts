/** What every keeper of limits of requests must do. */
import { expect } from 'chai';
import { eventually } from '../../../testing/eventually.js';
import type { RequestLimits } from '../port.js';

interface LimitsHarness {
  readonly limits: RequestLimits;
  close(): Promise<void>;
}

const limit = { perMinute: 60, burst: 40 };

export function requestLimitsContract(name: string, open: () => Promise<LimitsHarness>): void {
  describe(`request limits contract: ${name}`, () => {
    let harness: LimitsHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const claim = async (wanted: number, { unused = 0, of = 'a' } = {}) => {
      const grants = await harness.limits.claim([{ name: of, limit, wanted, unused }]);
      return grants.get(of) ?? expect.fail('no grant');
    };

    it('grants what is free, and says when more will be', async () => {
      expect(await claim(30)).to.deep.include({ granted: 30, free: 10, waitMs: 0 });
      const rest = await claim(30);
      expect(rest).to.deep.include({ granted: 10, free: 0 });
      expect(rest.waitMs).to.be.within(1, 1_000);
      expect(rest.fullMs).to.be.within(38_000, 40_000);
      await eventually('the next one is free', async () => (await claim(1)).granted === 1);
    });

    it('never grants more than there is, however many claim at once', async () => {
      const grants = await Promise.all(Array.from({ length: 20 }, () => claim(10)));
      expect(grants.reduce((sum, { granted }) => sum + granted, 0)).to.be.within(40, 42);
    });

    it('takes back what was not used, and keeps limits apart', async () => {
      await claim(40);
      expect((await claim(25, { unused: 20 })).granted).to.be.within(20, 21);
      expect((await claim(40, { of: 'b' })).granted).to.equal(40);
      const both = await harness.limits.claim(
        ['d', 'c'].map((one) => ({ name: one, limit, wanted: 1, unused: 0 })),
      );
      expect([...both.keys()].sort()).to.deep.equal(['c', 'd']);
      expect((await harness.limits.claim([])).size).to.equal(0);
    });
  });
}
