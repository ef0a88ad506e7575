import { expect } from 'chai';
import { drawn } from './draw.js';

const weights: Readonly<Record<string, number>> = { a: 1, b: 3, c: 0 };

describe('routing: a draw by weight', () => {
  const draw = (name: string, from = ['a', 'b', 'c']) =>
    drawn(from, (one) => weights[one] ?? 0, name);

  it('comes out by the weights, and the same whenever it is made again', () => {
    const counts: Record<string, number> = {};
    for (let n = 0; n < 4_000; n++) {
      const one = draw(`exec_${n}.1`) ?? 'none';
      expect(draw(`exec_${n}.1`)).to.equal(one);
      counts[one] = (counts[one] ?? 0) + 1;
    }
    expect(counts).to.have.all.keys('a', 'b');
    expect(counts['b']).to.be.within(2_850, 3_150);
  });

  it('comes to nothing where nothing has a weight', () => {
    expect(draw('x', ['c'])).to.equal(undefined);
    expect(draw('x', [])).to.equal(undefined);
  });
});
