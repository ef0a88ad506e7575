/** What every store that is swept must do. */
import { expect } from 'chai';
import type { Sweepable } from '../../sweepable.js';

interface SweepableHarness<N extends string> {
  readonly store: Sweepable<N>;
  /** Writes something and says its name. */
  put(): Promise<N>;
  close(): Promise<void>;
}

const MINUTE = 60_000;

export function sweepableContract<N extends string>(
  name: string,
  open: () => Promise<SweepableHarness<N>>,
): void {
  describe(`sweepable contract: ${name}`, () => {
    let harness: SweepableHarness<N>;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    /** Those of `among`; others may lie in the same store. */
    const namesBefore = async (ms: number, among: readonly N[]): Promise<readonly N[]> => {
      const names: N[] = [];
      for await (const page of harness.store.writtenBefore(ms)) {
        expect(page).not.to.have.length(0);
        names.push(...page);
      }
      return names.filter((one) => among.includes(one)).sort();
    };
    const puts = async (count: number): Promise<readonly N[]> => {
      const names: N[] = [];
      for (let n = 0; n < count; n++) names.push(await harness.put());
      return names.sort();
    };

    it('names everything that was written before a moment, and nothing younger', async () => {
      const names = await puts(5);
      expect(await namesBefore(Date.now() + MINUTE, names)).to.deep.equal(names);
      expect(await namesBefore(Date.now() - MINUTE, names)).to.deep.equal([]);
    });

    it('names nothing that was removed; it is removed once and again', async () => {
      const names = await puts(3);
      const [gone, ...rest] = names as [N, ...N[]];
      await harness.store.removeNamed(gone);
      await harness.store.removeNamed(gone);
      expect(await namesBefore(Date.now() + MINUTE, names)).to.deep.equal(rest);
    });

    it('keeps what is whole when the unfinished is removed', async () => {
      const names = await puts(2);
      await harness.store.removeUnfinished(Date.now() + MINUTE);
      expect(await namesBefore(Date.now() + MINUTE, names)).to.deep.equal(names);
    });
  });
}
