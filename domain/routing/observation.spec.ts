import { expect } from 'chai';
import fc from 'fast-check';
import type { Ending } from './breaker.js';
import { freshly, observed, type Observation } from './observation.js';

const after = (calls: readonly (readonly [Ending, number])[], nowMs = 0) =>
  calls.reduce<Observation | undefined>(
    (known, [ending, latencyMs]) => observed(known, { ending, latencyMs }, nowMs),
    undefined,
  );

describe('routing: what was observed of a route', () => {
  it('is the time that nine of ten calls stay within', () => {
    const calls = Array.from({ length: 40 }, (_, n) => ['succeeded', n % 20 ? 90 : 900] as const);
    expect(after(calls)?.p90Ms).to.equal(91);
    const slow = Array.from({ length: 40 }, (_, n) => ['succeeded', n % 5 ? 90 : 900] as const);
    expect(after(slow)?.p90Ms).to.equal(1_024);
  });

  it('forgets what was long ago', () => {
    const calls = Array.from(
      { length: 120 },
      (_, n) => ['succeeded', n < 20 ? 5_000 : 20] as const,
    );
    expect(after(calls)?.p90Ms).to.equal(23);
    const known = after([['succeeded', 20]]);
    expect(freshly(known, 299_999)).to.equal(known);
    expect(freshly(known, 300_000)).to.equal(undefined);
    expect(freshly(undefined, 0)).to.equal(undefined);
  });

  it('counts failures against the share of successes, and what callers did as nothing', () => {
    expect(after([['neutral', 5]])).to.equal(undefined);
    expect(after([['failed', 5]])).to.deep.equal({ counts: [], successShare: 0.9, atMs: 0 });
    const share = after([
      ['failed', 5],
      ['throttled', 5],
      ['succeeded', 5],
    ])?.successShare;
    expect(share).to.be.closeTo(0.829, 1e-9);
  });

  it('keeps its bounds, whatever calls do', () => {
    const ending = fc.constantFrom<Ending>('succeeded', 'failed', 'throttled', 'neutral');
    const calls = fc.array(fc.tuple(ending, fc.double({ min: 0, max: 1e9, noNaN: true })));
    fc.assert(
      fc.property(calls, (all) => {
        const { counts = [], successShare = 1, p90Ms = 1 } = after(all) ?? {};
        expect(counts.length).to.be.at.most(44);
        expect(successShare).to.be.within(0, 1);
        expect(p90Ms).to.be.within(1, 2 ** 22);
      }),
    );
  });
});
