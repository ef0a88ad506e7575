import { expect } from 'chai';
import { median, pairedRatio, percentile, spread } from './statistics.js';

describe('statistics of a benchmark', () => {
  it('takes the middle, or the middle of the two in the middle', () => {
    expect(median([9, 1, 5])).to.equal(5);
    expect(median([9, 1, 5, 7])).to.equal(6);
  });

  it('takes the smallest value that so many of a hundred do not exceed', () => {
    const values = Array.from({ length: 200 }, (_, n) => 200 - n);
    expect(percentile(values, 0.99)).to.equal(198);
    expect(percentile(values, 0.5)).to.equal(100);
    expect(percentile([7], 0.99)).to.equal(7);
  });

  it('measures spread from the median to the farthest sample', () => {
    expect(spread([100, 110, 80, 100, 105])).to.be.closeTo(0.2, 1e-9);
    expect(spread([7, 7, 7])).to.equal(0);
  });

  it('finds the same ratio in every round certain, however the machine slows down', () => {
    const { ratio, low, high } = pairedRatio([200, 100, 400, 20, 2], [100, 50, 200, 10, 1]);
    for (const value of [ratio, low, high]) expect(value).to.be.closeTo(2, 1e-9);
  });

  it("is Student's t on the logarithms", () => {
    // Logarithms -1, 0, 1: mean 0, deviation 1, t(2) = 4.303, half width 4.303 / √3.
    const { ratio, low, high } = pairedRatio([1 / Math.E, 1, Math.E], [1, 1, 1]);
    expect(ratio).to.be.closeTo(1, 1e-9);
    expect(Math.log(high)).to.be.closeTo(4.303 / Math.sqrt(3), 1e-9);
    expect(Math.log(low)).to.be.closeTo(-4.303 / Math.sqrt(3), 1e-9);
  });

  it('knows nothing of the interval from one round', () => {
    expect(pairedRatio([3], [2])).to.deep.equal({ ratio: 1.5, low: 0, high: Infinity });
  });
});
