import { expect } from 'chai';
import { joined, keepsAll } from './requirements.js';

const all = { region: 'eu', retention: 'none', training: 'never' } as const;

describe('requirements', () => {
  it('hold together: the stricter of two', () => {
    expect(joined(undefined, undefined)).to.deep.equal({ require: undefined });
    expect(joined(all, undefined)).to.deep.equal({ require: all });
    expect(joined(undefined, all)).to.deep.equal({ require: all });
    expect(joined({ region: 'eu' }, { region: 'eu-west' })).to.deep.equal({
      require: { region: 'eu-west' },
    });
    expect(joined({ region: 'eu-west', training: 'never' }, all)).to.deep.equal({
      require: { ...all, region: 'eu-west' },
    });
    expect(joined({ retention: 'none' }, { training: 'never' })).to.deep.equal({
      require: { retention: 'none', training: 'never' },
    });
  });

  it('of two regions that share nothing are a conflict', () => {
    for (const region of ['us', 'eu-west', 'eurasia'])
      expect(joined({ region }, { region: 'eu-east' })).to.deep.equal({ conflict: 'region' });
    expect(joined({ region: 'eu' }, { region: 'eurasia' })).to.deep.equal({ conflict: 'region' });
  });

  it('are kept by what promises as much or more', () => {
    expect(keepsAll({ ...all, region: 'eu-west' }, all)).to.equal(true);
    expect(keepsAll({ region: 'eu-west' }, all)).to.equal(false);
    expect(keepsAll(undefined, {})).to.equal(true);
    expect(keepsAll(undefined, { training: 'never' })).to.equal(false);
    expect(keepsAll({ region: 'eu' }, { region: 'eu-west' })).to.equal(false);
  });
});
