import { expect } from 'chai';
import { secondsLeft, shareDone } from './time-left.js';

describe('time left of a rebuild', () => {
  const way = (position: bigint, head: bigint, elapsedMs = 30_000) => ({
    position,
    head,
    elapsedMs,
  });

  it('follows from the share of the way and the time that it took', () => {
    expect([shareDone(way(249n, 999n)), secondsLeft(way(249n, 999n))]).to.deep.equal([0.25, 90]);
    expect([shareDone(way(999n, 999n)), secondsLeft(way(999n, 999n))]).to.deep.equal([1, 0]);
  });

  it('is not known before the first batch; a log that grew is not waited for', () => {
    expect(secondsLeft(way(-1n, 999n))).to.equal(undefined);
    expect([shareDone(way(2_000n, 999n)), secondsLeft(way(2_000n, 999n))]).to.deep.equal([1, 0]);
    expect(secondsLeft(way(-1n, -1n))).to.equal(0);
  });
});
