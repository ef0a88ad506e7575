import { expect } from 'chai';
import fc from 'fast-check';
import { pollPauseMs } from './poll-pause.js';

const poll = { firstMs: 500, everyMs: 1_000, maxMs: 15_000 };

describe('poll pause', () => {
  it('is a quarter of the age of the job, within the bounds of its provider', () => {
    const pauses = [0, 3_999, 8_000, 20_000, 60_000, 3_600_000].map((ageMs) =>
      pollPauseMs({ poll, ageMs }),
    );
    expect(pauses).to.deep.equal([1_000, 1_000, 2_000, 5_000, 15_000, 15_000]);
  });

  it('is never shorter than the provider asks for', () => {
    expect(pollPauseMs({ poll, ageMs: 0, askedMs: 30_000 })).to.equal(30_000);
    expect(pollPauseMs({ poll, ageMs: 8_000, askedMs: 10 })).to.equal(2_000);
  });

  it('asks about a job of an hour a few hundred times at most, and never early', () => {
    const hourMs = 3_600_000;
    let questions = 0;
    for (let ageMs = poll.firstMs; ageMs < hourMs; questions++)
      ageMs += pollPauseMs({ poll, ageMs });
    expect(questions).to.equal(252);
    const ages = fc.integer({ min: -1_000, max: 1e9 });
    fc.assert(
      fc.property(ages, (ageMs) => {
        expect(pollPauseMs({ poll, ageMs })).to.be.within(poll.everyMs, poll.maxMs);
      }),
    );
  });
});
