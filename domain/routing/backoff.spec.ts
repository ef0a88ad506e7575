import { expect } from 'chai';
import fc from 'fast-check';
import { retryDelayMs } from './backoff.js';

describe('routing: backoff', () => {
  it('doubles with each failure, in the upper half of its step', () => {
    const low = [1, 2, 3, 8, 100].map((failures) => retryDelayMs({ failures, random: 0 }));
    expect(low).to.deep.equal([125, 250, 500, 15_000, 15_000]);
    expect(retryDelayMs({ failures: 1, random: 0.5 })).to.equal(187);
    expect(retryDelayMs({ failures: 3, random: 0.999 })).to.equal(999);
  });

  it('never comes back sooner than the provider asked', () => {
    expect(retryDelayMs({ failures: 1, random: 0, retryAfterMs: 7_000.2 })).to.equal(7_001);
    expect(retryDelayMs({ failures: 8, random: 0, retryAfterMs: 7_000 })).to.equal(15_000);
  });

  it('is a whole number of milliseconds within its bounds', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), random, (failures, chance) => {
        const delayMs = retryDelayMs({ failures, random: chance });
        expect(Number.isInteger(delayMs) && delayMs >= 125 && delayMs <= 30_000).to.equal(true);
      }),
    );
  });
});
