import { expect } from 'chai';
import fc from 'fast-check';
import {
  freeIn,
  fullMs,
  nothingSpent,
  spendingAt,
  spent,
  waitMs,
  type RequestLimit,
  type Spending,
} from './request-limit.js';

const usual: RequestLimit = { perMinute: 600, burst: 100 };

/** The moments at which a request was admitted, of those that asked. */
function admitted(limit: RequestLimit, moments: readonly number[], startMs = 0): number[] {
  let spending = nothingSpent(limit, startMs);
  return moments.filter((nowMs) => {
    spending = spendingAt(spending, limit, nowMs);
    if (freeIn(spending, limit) < 1) return false;
    spending = spent(spending, 1);
    return true;
  });
}

const everyMs = (gapMs: number, untilMs: number) =>
  Array.from({ length: Math.floor(untilMs / gapMs) }, (_, n) => n * gapMs);

const busiestMinute = (times: readonly number[]): number =>
  Math.max(
    0,
    ...times.map((from) => times.filter((at) => at >= from && at < from + 60_000).length),
  );

describe('request limit', () => {
  it('lets a burst through at once, and then the limit', () => {
    expect(admitted(usual, new Array<number>(500).fill(0))).to.have.length(100);
    expect(admitted(usual, [...new Array<number>(100).fill(0), 99, 100, 199, 200])).to.have.length(
      102,
    );
  });

  it('never refuses who asks evenly for the whole limit', () => {
    for (const perMinute of [1, 5, 60, 600, 6_000]) {
      const asked = everyMs(60_000 / perMinute, 300_000);
      expect(admitted({ perMinute, burst: 1 }, asked), String(perMinute)).to.have.length(
        asked.length,
      );
    }
  });

  it('admits at most limit × 1.08 + 1 in any minute, however it is asked', () => {
    const flood = admitted(usual, everyMs(10, 200_000));
    expect(busiestMinute(flood)).to.be.within(640, 649);
    const gaps = fc.array(fc.nat(4_000), { minLength: 1, maxLength: 300 });
    const limits = fc.record({
      perMinute: fc.integer({ min: 1, max: 200 }),
      burst: fc.integer({ min: 1, max: 300 }),
    });
    fc.assert(
      fc.property(limits, gaps, fc.nat(100_000), (limit, pauses, startMs) => {
        let nowMs = startMs;
        const asked = pauses.map((pause) => (nowMs += pause));
        const times = admitted(limit, asked, startMs);
        expect(busiestMinute(times)).to.be.at.most(limit.perMinute * 1.08 + 1);
      }),
    );
  });

  it('says when one more may come, and when all may', () => {
    let spending = spent(nothingSpent(usual, 0), 100);
    expect(freeIn(spending, usual)).to.equal(0);
    expect(waitMs(spending, usual, 0)).to.equal(100);
    expect(fullMs(spending, usual, 0)).to.equal(10_000);
    spending = spendingAt(spending, usual, 100);
    expect(freeIn(spending, usual)).to.equal(1);
    expect(waitMs(spending, usual, 100)).to.equal(0);
    expect(fullMs(nothingSpent(usual, 0), usual, 0)).to.equal(0);
  });

  it('what it says is enough, also when the minute is what is full', () => {
    const limit = { perMinute: 10, burst: 10 };
    const few = fc.array(fc.nat(9_000), { minLength: 12, maxLength: 60 });
    fc.assert(
      fc.property(few, (pauses) => {
        let spending: Spending = nothingSpent(limit, 0);
        let nowMs = 0;
        for (const pause of pauses) {
          nowMs += pause;
          spending = spendingAt(spending, limit, nowMs);
          if (freeIn(spending, limit) < 1) {
            nowMs += waitMs(spending, limit, nowMs);
            spending = spendingAt(spending, limit, nowMs);
          }
          expect(freeIn(spending, limit)).to.be.at.least(1);
          spending = spent(spending, 1);
        }
      }),
    );
  });

  it('gives back what was not used, and follows a limit that changes', () => {
    const spending = spent(spent(nothingSpent(usual, 0), 40), -15);
    expect(freeIn(spending, usual)).to.equal(75);
    const lower = { perMinute: 20, burst: 5 };
    expect(freeIn(spendingAt(spending, lower, 0), lower)).to.equal(0);
    const half = spendingAt(spent(nothingSpent(usual, 0), 1), lower, 0);
    expect(freeIn(half, lower)).to.equal(5);
  });

  it('starts anew when the clock has jumped back', () => {
    const spending = spent(nothingSpent(usual, 3_600_000), 100);
    expect(freeIn(spendingAt(spending, usual, 3_599_000), usual)).to.equal(0);
    expect(freeIn(spendingAt(spending, usual, 0), usual)).to.equal(100);
  });
});
