import { expect } from 'chai';
import type { Model } from '../../contracts/catalogue/catalogue.js';
import { keptEqually } from './expire-payloads.js';

describe('how long payloads are kept', () => {
  const catalogueOf = (days: Readonly<Record<string, number | undefined>>) => ({
    models: new Map(
      Object.entries(days).map(([slug, payloadTtlDays]) => [
        slug,
        { slug, ...(payloadTtlDays !== undefined && { payloadTtlDays }) } as Model,
      ]),
    ),
  });

  it('is nothing that is asked for where nothing is set', () => {
    expect(keptEqually(catalogueOf({ a: undefined, b: undefined }), undefined)).to.deep.equal([]);
  });

  it('is what a model says, where its organization says nothing', () => {
    const models = catalogueOf({ b: 7, a: 7, c: 30, d: undefined });
    expect(keptEqually(models, undefined)).to.deep.equal([
      { days: 7, models: ['a', 'b'], isAllBut: false },
      { days: 30, models: ['c'], isAllBut: false },
    ]);
  });

  it('is the shorter of both', () => {
    const models = catalogueOf({ a: 7, b: 30, c: 90, d: undefined });
    expect(keptEqually(models, 30)).to.deep.equal([
      { days: 7, models: ['a'], isAllBut: false },
      { days: 30, models: ['a'], isAllBut: true },
    ]);
    expect(keptEqually(models, 1)).to.deep.equal([{ days: 1, models: [], isAllBut: true }]);
  });
});
