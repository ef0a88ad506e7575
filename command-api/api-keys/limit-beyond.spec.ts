import { expect } from 'chai';
import type { KeyLimits } from '../../contracts/events/api-key.js';
import { limitBeyond } from './limit-beyond.js';

const granter: KeyLimits = {
  expiresAt: '2026-06-01T00:00:00.000Z',
  ipAllowList: ['203.0.113.0/24', '2001:db8::/32'],
  allowedModels: ['a', 'b'],
  require: { region: 'eu' },
};

describe('the limits of a key', () => {
  it('are within those of its granter', () => {
    const narrower: KeyLimits = {
      expiresAt: '2026-05-31T00:00:00.000Z',
      ipAllowList: ['203.0.113.7', '2001:db8:1::/48'],
      allowedModels: ['b'],
      require: { region: 'eu-west', training: 'never' },
    };
    expect(limitBeyond(granter, granter)).to.equal(undefined);
    expect(limitBeyond(narrower, granter)).to.equal(undefined);
    expect(limitBeyond(granter, {})).to.equal(undefined);
    expect(limitBeyond({}, {})).to.equal(undefined);
  });

  it('that are wider, or none, are beyond', () => {
    const wider: readonly KeyLimits[] = [
      { expiresAt: '2026-06-01T00:00:00.001Z' },
      { ipAllowList: ['203.0.113.0/24', '198.51.100.1'] },
      { ipAllowList: ['0.0.0.0/0'] },
      { allowedModels: ['a', 'c'] },
      { require: { training: 'never' } },
      { require: { region: 'us' } },
    ];
    for (const limits of wider)
      expect(limitBeyond({ ...granter, ...limits }, granter)).to.equal(Object.keys(limits)[0]);
    for (const field of ['expiresAt', 'ipAllowList', 'allowedModels', 'require'] as const) {
      const { [field]: _, ...rest } = granter;
      expect(limitBeyond(rest, granter)).to.equal(field);
    }
  });
});
