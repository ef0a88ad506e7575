import { expect } from 'chai';
import fc from 'fast-check';
import { freeShare, fullBucket, hasRoom, refilled, taken } from './bucket.js';
import { shareFor, type Holder } from './shares.js';

describe('rate limit: a bucket', () => {
  it('gives out what it holds, and then what it gains', () => {
    let bucket = fullBucket(60, 0);
    for (let n = 0; n < 4; n++) {
      expect(hasRoom(bucket, 60, 1)).to.equal(true);
      bucket = taken(bucket, 1);
    }
    expect(hasRoom(bucket, 60, 1)).to.equal(false);
    expect(hasRoom(refilled(bucket, 60, 999), 60, 1)).to.equal(false);
    expect(hasRoom(refilled(bucket, 60, 1_000), 60, 1)).to.equal(true);
    expect(refilled(bucket, 60, 3_600_000)).to.deep.equal({ balance: 4, atMs: 3_600_000 });
  });

  it('lets through what is larger than itself when it is full, and is paid off then', () => {
    const bucket = fullBucket(1_000, 0);
    expect(hasRoom(bucket, 1_000, 5_000)).to.equal(true);
    const spent = taken(bucket, 5_000);
    expect(freeShare(spent, 1_000)).to.be.below(0);
    expect(hasRoom(refilled(spent, 1_000, 290_000), 1_000, 5_000)).to.equal(false);
    expect(hasRoom(refilled(spent, 1_000, 300_000), 1_000, 5_000)).to.equal(true);
  });

  it('gives nothing without a share', () => {
    expect(hasRoom(fullBucket(0, 0), 0, 1)).to.equal(false);
    expect(freeShare(fullBucket(0, 0), 0)).to.equal(0);
  });

  it('gives out at most share × 1.05 + 1 in a minute, however often it is asked', () => {
    const gaps = fc.array(fc.nat(900), { maxLength: 400 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), gaps, (share, pauses) => {
        let bucket = fullBucket(share, 0);
        let nowMs = 0;
        const times: number[] = [];
        for (const pause of pauses) {
          nowMs += pause;
          bucket = refilled(bucket, share, nowMs);
          if (!hasRoom(bucket, share, 1)) continue;
          bucket = taken(bucket, 1);
          times.push(nowMs);
        }
        for (const from of times) {
          const within = times.filter((at) => at >= from && at < from + 60_000);
          expect(within.length).to.be.at.most(share * 1.05 + 1);
        }
      }),
    );
  });
});

describe('rate limit: shares', () => {
  /** Each renews in turn, so often. */
  const settle = (limit: number, demands: readonly number[], rounds: number) => {
    const holders = demands.map((demand): Holder => ({ share: 0, demand }));
    for (let round = 0; round < rounds; round++)
      for (const [index, own] of holders.entries()) {
        const others = holders.filter((_, other) => other !== index);
        holders[index] = { ...own, share: shareFor(limit, own.demand, others) };
        const sum = holders.reduce((all, { share }) => all + share, 0);
        expect(sum).to.be.at.most(limit * (1 + 1e-9));
      }
    return holders.map(({ share }) => Math.round(share));
  };

  it('are equal where all want more, and more for who wants it where others want less', () => {
    expect(settle(100, [500, 500], 2)).to.deep.equal([50, 50]);
    expect(settle(100, [500], 1)).to.deep.equal([100]);
    expect(settle(100, [10, 500, 500], 3)).to.deep.equal([10, 45, 45]);
    expect(settle(90, [10, 20, 0], 2)).to.deep.equal([30, 40, 20]);
  });

  it('a newcomer gets its part once the others have made room', () => {
    const first = { share: 100, demand: 500 };
    const second = { share: 0, demand: 500 };
    expect(shareFor(100, 500, [first])).to.equal(0);
    const less = shareFor(100, 500, [second]);
    expect(less).to.equal(50);
    expect(shareFor(100, 500, [{ ...first, share: less }])).to.equal(50);
  });

  it('never add up to more than the limit, and leave nothing unused', () => {
    const demands = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), demands, (limit, wanted) => {
        const shares = settle(limit, wanted, 4);
        const sum = shares.reduce((all, share) => all + share, 0);
        expect(sum).to.be.within(limit - wanted.length, limit + wanted.length);
      }),
    );
  });
});
