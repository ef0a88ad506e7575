import { expect } from 'chai';
import { knownOf, whyOf } from './explanation.js';

const route = (name: string, score: number) => ({ route: name, provider: 'p', score });

describe('routing: a decision in words', () => {
  it('says why a route was taken, or what kept it', () => {
    const chosen = route('a', 90);
    expect(whyOf(chosen, chosen)).to.equal('was taken with 90 of 100 points');
    expect(whyOf(route('b', 80), chosen)).to.equal('could have been taken: 80 points');
    expect(whyOf(route('b', 95), chosen)).to.match(/^could have been taken: 95 points, but it/);
    const skipped = (word: string) => whyOf({ ...route('b', 95), skipped: word }, chosen);
    expect(skipped('breaker_open')).to.equal(
      'its circuit is open: its calls failed, or those of this organization',
    );
    expect(skipped('a word of later')).to.equal('a word of later');
    const lacking = { ...route('b', 95), skipped: 'capability', lacks: 'input.tools' };
    expect(whyOf(lacking, chosen)).to.equal('cannot do input.tools');
  });

  it('says what was known of it', () => {
    expect(knownOf({ ...route('a', 1), success: 97, p90Ms: 120 })).to.equal(
      '97 % of its recent calls succeeded, nine of ten within 120 ms',
    );
    expect(knownOf({ ...route('a', 1), success: 0 })).to.equal('0 % of its recent calls succeeded');
    expect(knownOf(route('a', 1))).to.equal(undefined);
  });
});
