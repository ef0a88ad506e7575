import { expect } from 'chai';
import fc from 'fast-check';
import { formatMoney, parseMoney } from './money.js';

describe('money on the wire', () => {
  it('has three to six decimals', () => {
    const written = [0n, 1n, 999n, 1_000n, 48_000n, 999_990n, 12_500_000n, -1n, -48_000n];
    expect(written.map(formatMoney)).to.deep.equal([
      '0.000',
      '0.000001',
      '0.000999',
      '0.001',
      '0.048',
      '0.99999',
      '12.500',
      '-0.000001',
      '-0.048',
    ]);
  });

  it('is written alike on both sides of what a number holds exactly', () => {
    const last = BigInt(Number.MAX_SAFE_INTEGER);
    expect([last - 1n, last, last + 1n, last + 2n].map(formatMoney)).to.deep.equal([
      '9007199254.74099',
      '9007199254.740991',
      '9007199254.740992',
      '9007199254.740993',
    ]);
  });

  it('is read as it was written, to one micro', () => {
    const most = 10n ** 18n - 1n;
    const amounts = fc.bigInt({ min: -most, max: most });
    fc.assert(fc.property(amounts, (micros) => parseMoney(formatMoney(micros)) === micros));
  });
});
