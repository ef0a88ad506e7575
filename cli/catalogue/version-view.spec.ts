import { expect } from 'chai';
import type { PublishedModel, PublishedRoute } from '../../contracts/events/catalogue.js';
import { changesIn, linesOf, versionOf } from './version-view.js';

const route = (name: string, more: Partial<PublishedRoute> = {}): PublishedRoute => ({
  name,
  provider: 'one',
  providerModel: 'x',
  price: { per_request: '0.010' },
  cost: {},
  ...more,
});

const model = (slug: string, ...routes: PublishedRoute[]): PublishedModel => ({
  slug,
  modality: 'text',
  usageDefault: { outputTokens: 256 },
  routes,
});

const published = (...models: PublishedModel[]) => ({
  type: 'PricesPublished' as const,
  data: { version: 'v', models, at: '2026-11-27T10:00:00.000Z' },
});

describe('versions of the catalogue, as the log has them', () => {
  it('have the models of all their events, and the time of the first', () => {
    const later = { ...published(model('b')).data, at: '2026-11-27T11:00:00.000Z' };
    const version = versionOf('v', [published(model('a')), { ...published(), data: later }]);
    expect([version.at, [...version.models.keys()]]).to.deep.equal([
      '2026-11-27T10:00:00.000Z',
      ['a', 'b'],
    ]);
  });

  it('tell what they changed', () => {
    const of = (...models: PublishedModel[]) => versionOf('v', [published(...models)]).models;
    const before = of(model('a', route('a/one')), model('b', route('b/one')), model('c'));
    const dearer = route('b/one', { price: { per_request: '0.020' } });
    const after = of(model('a', route('a/one')), model('b', dearer), model('d'));
    expect(changesIn(before, after)).to.deep.equal({
      added: ['d'],
      removed: ['c'],
      changed: ['b'],
    });
  });

  it('say what a route costs and promises, and what was before', () => {
    const more = { promises: { region: 'eu' }, capabilities: { tools: false }, weight: 3 };
    const now = model('a', route('a/one', more), route('a/two'));
    const before = model('a', route('a/one'), route('a/two'), route('a/three'));
    const plain = 'one x; price per_request 0.010; cost nothing';
    const said = 'weight 3; promises {"region":"eu"}; capabilities {"tools":false}';
    expect(linesOf(now)).to.deep.equal([
      'a  text',
      `  a/one  ${plain}; ${said}`,
      `  a/two  ${plain}`,
    ]);
    expect(linesOf(now, before)).to.deep.equal([
      'a  text',
      `  a/one  ${plain}; ${said}`,
      `    was a/one  ${plain}`,
      '  - a/three',
    ]);
  });
});
