import { expect } from 'chai';
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { Infra } from '../../runtime/infra.js';
import { measuredSuccess, type Delivered } from './measured-success.js';

const modelAt = (slug: string, perImage: bigint) =>
  ({
    slug,
    routes: [{ name: `${slug}/a`, price: { per_image: perImage }, cost: { per_image: 1n } }],
  }) as unknown as Model;

describe('rehost-files: a success as its files show it', () => {
  const models = new Map(
    [modelAt('asked', 7n), modelAt('other', 3n)].map((one) => [one.slug, one]),
  );
  const infra = {
    catalogue: { current: () => ({ models }) },
    prices: { promised: async (_: string, slug: string) => models.get(slug) },
  } as unknown as Pick<Infra, 'prices' | 'catalogue'>;
  const deliveredBy = (route: string, model?: string) =>
    ({
      request: { model: 'asked', fallbackModels: ['other'], catalogueVersion: '1' },
      current: { route, ...(model !== undefined && { model }) },
      success: { output: { ref: 'r' }, usage: { images: 4 }, cost: 28n, providerCost: 4n },
    }) as unknown as Delivered;

  it('is priced as the model that made it, also where that stands in for another', async () => {
    const own = await measuredSuccess(infra, deliveredBy('asked/a'), { images: 3 });
    expect(own).to.deep.include({ usage: { images: 3 }, cost: 21n, providerCost: 4n });
    const other = await measuredSuccess(infra, deliveredBy('other/a', 'other'), { images: 3 });
    expect(other).to.deep.include({ usage: { images: 3 }, cost: 9n });
  });

  it('is the recorded one where the files say nothing new', async () => {
    expect(await measuredSuccess(infra, deliveredBy('asked/a'), { images: 4 })).to.equal(undefined);
  });
});
