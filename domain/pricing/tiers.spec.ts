import { expect } from 'chai';
import fc from 'fast-check';
import type { Price, TieredPriceEntry } from '../../contracts/catalogue/price-units.js';
import { priceEntryOf, priceOf, tierEntriesOf } from './price-entry.js';
import { costOf } from './pricing.js';

const entry: TieredPriceEntry = {
  per_1m_input_tokens: '1.25',
  per_1m_cached_input_tokens: '0.125',
  per_1m_output_tokens: '10.00',
  tiers: [
    { above_input_tokens: 200_000, per_1m_input_tokens: '2.50', per_1m_output_tokens: '15.00' },
    { above_input_tokens: 500_000, per_1m_input_tokens: '5.00' },
  ],
};

describe('pricing: tiers', () => {
  const price = priceOf(entry);

  it('are those of the whole request above their bound; what they leave out stays', () => {
    expect(costOf(price, { inputTokens: 200_000, outputTokens: 1_000 })).to.equal(260_000n);
    expect(costOf(price, { inputTokens: 200_001, outputTokens: 1_000 })).to.equal(515_003n);
    expect(costOf(price, { inputTokens: 600_000, outputTokens: 1_000 })).to.equal(3_010_000n);
    const cached = { inputTokens: 300_000, cachedInputTokens: 100_000 };
    expect(costOf(price, cached)).to.equal(500_000n + 12_500n);
  });

  it('cached tokens that are free are not charged as others', () => {
    const free = { per_1m_input_tokens: '2.00', per_1m_cached_input_tokens: '0' };
    const usage = { inputTokens: 1_000, cachedInputTokens: 900 };
    expect(costOf(priceOf(free), usage)).to.equal(200n);
    expect(costOf(priceOf(priceEntryOf(priceOf(free))), usage), 'as published').to.equal(200n);
    expect(priceOf({ per_image: '0.000' })).to.deep.equal({});
  });

  it('are read and written without loss', () => {
    const tiers = tierEntriesOf(price);
    expect(priceOf({ ...priceEntryOf(price), ...(tiers && { tiers }) })).to.deep.equal(price);
    expect(tiers?.[1]).to.deep.equal({ above_input_tokens: 500_000, per_1m_input_tokens: '5.000' });
    expect(tierEntriesOf(priceOf({ per_request: '0.001' }))).to.equal(undefined);
  });

  it('a price that rises by tiers never falls when usage grows', () => {
    const micros = fc.bigInt({ min: 0n, max: 10_000_000n });
    const steps = fc.array(fc.tuple(fc.nat(1_000), micros), { maxLength: 4 });
    fc.assert(
      fc.property(micros, steps, fc.nat(5_000), fc.nat(5_000), (base, rises, less, more) => {
        let above = 0;
        let amount = base;
        const tiers = rises.map(([width, rise]) => {
          above += width + 1;
          amount += rise;
          return { above_input_tokens: above, per_1m_input_tokens: amount };
        });
        const rising: Price = { per_1m_input_tokens: base, tiers };
        const cost = (inputTokens: number) => costOf(rising, { inputTokens });
        expect(cost(less) <= cost(less + more)).to.equal(true);
      }),
    );
  });
});
