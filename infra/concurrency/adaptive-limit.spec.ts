import { expect } from 'chai';
import { openAdaptiveLimit } from './adaptive-limit.js';

describe('adaptive limit', () => {
  let nowMs: number;
  const open = (most: number) => openAdaptiveLimit(most, () => nowMs);

  beforeEach(() => {
    nowMs = 0;
  });

  it('allows the most until something fails', () => {
    const limit = open(512);
    limit.succeeded();
    expect(limit.now).to.equal(512);
  });

  it('halves what was under way, once for failures of one moment', () => {
    const limit = open(512);
    limit.overloaded(100);
    limit.overloaded(99);
    expect(limit.now).to.equal(50);
    nowMs = 500;
    limit.overloaded(50);
    expect(limit.now).to.equal(25);
  });

  it('never ends work altogether, nor allows more than the most', () => {
    const limit = open(16);
    for (nowMs = 0; nowMs < 10_000; nowMs += 1_000) limit.overloaded(1);
    expect(limit.now).to.equal(4);
    for (let n = 0; n < 10_000; n += 1) limit.succeeded();
    expect(limit.now).to.equal(16);
    const narrow = open(2);
    narrow.overloaded(2);
    expect(narrow.now).to.equal(2);
  });

  it('grows by one for each round of successes', () => {
    const limit = open(512);
    limit.overloaded(64);
    for (let n = 0; n < 33; n += 1) limit.succeeded();
    expect(limit.now).to.equal(33);
  });
});
