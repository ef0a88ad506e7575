import { expect } from 'chai';
import { HeldBytes, openByteBudget } from './byte-budget.js';

const KB = 1024;

describe('the budget of bytes', () => {
  it('is bounded as a whole, and gives back what was released', () => {
    const budget = openByteBudget(100 * KB, 100 * KB);
    const a = new HeldBytes(budget, 'a');
    const b = new HeldBytes(budget, 'b');
    expect(a.growTo(60 * KB)).to.equal(true);
    expect(b.growTo(41 * KB)).to.equal(false);
    expect(b.growTo(40 * KB)).to.equal(true);
    expect(a.growTo(60 * KB)).to.equal(true);
    expect(a.growTo(60 * KB + 1)).to.equal(false);
    b.release();
    b.release();
    expect(budget.total).to.equal(60 * KB);
    expect(a.growTo(99 * KB)).to.equal(true);
    a.release();
    expect([budget.total, budget.shares.size]).to.deep.equal([0, 0]);
  });

  it('leaves room beside a caller that takes its share, for his own small requests too', () => {
    const budget = openByteBudget(1_000 * KB, 200 * KB);
    const [one, two, three] = ['a', 'a', 'b'].map((holder) => new HeldBytes(budget, holder));
    expect(one?.growTo(128 * KB)).to.equal(true);
    expect(two?.growTo(128 * KB)).to.equal(false);
    expect(two?.growTo(64 * KB)).to.equal(true);
    expect(three?.growTo(128 * KB)).to.equal(true);
    one?.release();
    expect(two?.growTo(128 * KB)).to.equal(true);
    expect(budget.shares).to.deep.equal(
      new Map([...['b', 'a'].map((name) => [name, 128 * KB])] as [string, number][]),
    );
  });
});
