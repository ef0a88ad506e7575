import { expect } from 'chai';
import fc from 'fast-check';
import { slotsFor, type SlotHolder } from './slots.js';

const holders = (...demands: readonly number[]): SlotHolder[] =>
  demands.map((demand, n) => ({ name: `holder-${n}`, demand }));

const allParts = (limit: number, all: readonly SlotHolder[], turn = 0): number[] =>
  all.map((own) => {
    const others = all.filter((one) => one !== own);
    return slotsFor(limit, own, others, turn);
  });

describe('slots of a provider', () => {
  it('are all of the only one that wants them', () => {
    expect(allParts(7, holders(9))).to.deep.equal([7]);
    expect(allParts(7, holders(7))).to.deep.equal([7]);
  });

  it('are given by what each wants, and the rest evenly', () => {
    expect(allParts(10, holders(2, 20))).to.deep.equal([2, 8]);
    expect(allParts(10, holders(20, 20))).to.deep.equal([5, 5]);
    expect(allParts(20, holders(2, 3))).to.deep.equal([8, 9]);
  });

  it('are free for whoever comes next, a tenth of them, while nobody wants them', () => {
    expect(allParts(1, holders(0))).to.deep.equal([1]);
    expect(allParts(3, holders(0, 0))).to.deep.equal([1, 1]);
    expect(allParts(7, holders(0))).to.deep.equal([6]);
    expect(allParts(64, holders(50))).to.deep.equal([57]);
    expect(allParts(10, holders(0, 0, 0))).to.deep.equal([3, 3, 3]);
    expect(allParts(7, holders(6))).to.deep.equal([6]);
  });

  it('take turns where there are fewer than holders that want one', () => {
    expect(allParts(1, holders(1, 5, 5), 0)).to.deep.equal([1, 0, 0]);
    expect(allParts(1, holders(1, 5, 5), 1)).to.deep.equal([0, 1, 0]);
    expect(allParts(1, holders(1, 5, 5), 2)).to.deep.equal([0, 0, 1]);
    expect(allParts(5, holders(9, 9, 9), 1)).to.deep.equal([1, 2, 2]);
    expect(allParts(1, holders(0, 0)), 'nobody wants it').to.deep.equal([0, 0]);
  });

  it('are never more than there are, and none is left that somebody wants', () => {
    const demands = fc.array(fc.nat(40), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        demands,
        fc.nat(1_000),
        (limit, wanted, turn) => {
          const parts = allParts(limit, holders(...wanted), turn);
          const sum = parts.reduce((all, part) => all + part, 0);
          expect(sum).to.be.at.most(limit);
          const lacking = wanted.filter((demand, n) => demand > (parts[n] ?? 0));
          if (lacking.length > 0) expect(sum).to.equal(limit);
          // Whoever lacks some has no fewer than anybody else, but for one that goes in turn.
          const most = Math.max(...parts);
          for (const [n, demand] of wanted.entries())
            if (demand > (parts[n] ?? 0)) expect(parts[n]).to.be.at.least(most - 1);
        },
      ),
    );
  });

  it('come to everybody who wants one within as many turns as there are', () => {
    const counts = fc.record({ limit: fc.integer({ min: 1, max: 5 }), count: fc.nat(8) });
    fc.assert(
      fc.property(counts, fc.nat(1_000), ({ limit, count }, turn) => {
        const all = holders(...Array.from({ length: count + 1 }, () => 9));
        const sums = all.map(() => 0);
        for (let n = 0; n < all.length; n++)
          for (const [index, part] of allParts(limit, all, turn + n).entries())
            sums[index] = (sums[index] ?? 0) + part;
        expect(Math.min(...sums)).to.be.at.least(1);
      }),
    );
  });
});
