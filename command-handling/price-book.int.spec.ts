/** The prices of a catalogue version are in the log, once, for whoever settles by them. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Catalogue, Model } from '../contracts/catalogue/catalogue.js';
import type { Price } from '../contracts/catalogue/price-units.js';
import type { CatalogueTookEffect, PricesPublished } from '../contracts/events/catalogue.js';
import { streamOf } from '../contracts/streams.js';
import { openEventStoreDbStores } from './testing/event-store-db-stores.js';
import { openPriceBook, type PriceBook } from './price-book.js';
import { kindsOfStores, watch, type Stores } from './testing/kit.js';

const tokens: Price = { per_1k_input_tokens: 500n, per_1k_output_tokens: 1_500_001n };
const price: Price = { per_request: 1n, ...tokens };

const modelOf = (slug: string, routes = 1): Model => ({
  slug,
  name: slug,
  description: slug,
  modality: 'text',
  inputSchema: {},
  outputSchema: {},
  expiresInSeconds: 300,
  attemptsMax: 4,
  maxWaitMs: 60_000,
  unknownMaxCost: 10_000n,
  usageDefault: { outputTokens: 256 },
  routes: Array.from({ length: routes }, (_, n) => ({
    name: `${slug}/${n}`,
    provider: `p${n}`,
    providerModel: 'x'.repeat(routes > 1 ? 200 : 1),
    // A line of nothing is no line: the catalogue leaves it out.
    price: n === 0 ? tokens : { ...price, per_request: BigInt(n) },
    cost: price,
    priority: 0,
  })),
});

const catalogueOf = (...models: readonly Model[]): Catalogue => ({
  version: randomUUID(),
  providers: new Map(),
  models: new Map(models.map((model) => [model.slug, model])),
});

const priced = ({ usageDefault, routes }: Model) => ({
  usageDefault,
  routes: routes.map(({ name, price: is }) => ({ name, price: is })),
});

const kinds = { ...kindsOfStores, EventStoreDB: openEventStoreDbStores };

for (const [kind, openStores] of Object.entries(kinds))
  describe(`the price book over the ${kind} store`, () => {
    let stores: Stores;
    const empty = catalogueOf();

    before(async () => {
      stores = await openStores();
    });
    after(() => stores.close());

    const anotherBook = async (): Promise<PriceBook> =>
      openPriceBook(await stores.another(), () => empty);
    const eventsOf = ({ version }: Catalogue) =>
      stores.store.readStream(streamOf('catalogue', version));

    it('says which version is in force, and says it again when an earlier one is', async () => {
      const inForce = () => stores.store.readStream(streamOf('catalogue', 'in_force'));
      const [first, second] = [catalogueOf(modelOf('a')), catalogueOf(modelOf('b'))];
      const { length } = await inForce();
      const book = await anotherBook();
      await book.publish(first);
      await (await anotherBook()).publish(first);
      for (const catalogue of [second, first, first]) await book.publish(catalogue);
      const events = (await inForce()).slice(length) as unknown as readonly CatalogueTookEffect[];
      const versions = events.map(({ data }) => data.version);
      expect(versions).to.deep.equal([first.version, second.version, first.version]);
    });

    it('keeps a version once, whichever replicas publish it, and others find it', async () => {
      const catalogue = catalogueOf(modelOf('a', 2), modelOf('b'));
      const books = await Promise.all([anotherBook(), anotherBook(), anotherBook()]);
      await Promise.all(books.map((book) => book.publish(catalogue)));
      await books[0]?.publish(catalogue);
      expect(await eventsOf(catalogue)).to.have.length(1);
      const cold = await anotherBook();
      for (const model of catalogue.models.values())
        expect(await cold.promised(catalogue.version, model.slug)).to.deep.equal(priced(model));
      expect(await cold.promised(catalogue.version, 'c')).to.equal(undefined);
      expect(await cold.promised('never', 'a')).to.equal(undefined);
    });

    it('tells what a re-rating needs: what we pay, to whom, for which default use', async () => {
      const catalogue = catalogueOf(modelOf('a'));
      await (await anotherBook()).publish(catalogue);
      const [event] = await eventsOf(catalogue);
      const amounts = {
        per_request: '0.000001',
        per_1k_input_tokens: '0.0005',
        per_1k_output_tokens: '1.500001',
      };
      const { per_request: _, ...rest } = amounts;
      const route = { name: 'a/0', provider: 'p0', providerModel: 'x', price: rest, cost: amounts };
      expect(event?.data).to.deep.equal({
        version: catalogue.version,
        models: [
          { slug: 'a', modality: 'text', usageDefault: { outputTokens: 256 }, routes: [route] },
        ],
        at: event?.data.at,
      });
    });

    it('tells what an explanation needs: what a route can do and promises', async () => {
      const model = modelOf('a');
      const said = {
        priority: -1,
        weight: 3,
        capabilities: { tools: false },
        promises: { region: 'eu', retention: 'none' as const },
      };
      const routes = model.routes.map((route) => ({ ...route, ...said }));
      const catalogue = catalogueOf({ ...model, routes });
      await (await anotherBook()).publish(catalogue);
      const [event] = await eventsOf(catalogue);
      const { models } = event?.data as PricesPublished['data'];
      expect(models[0]?.routes[0]).to.deep.include(said);
    });

    it('spreads a large version over events, and completes what was begun', async () => {
      const models = Array.from({ length: 40 }, (_, n) => modelOf(`m${n}`, 50));
      const catalogue = catalogueOf(...models);
      const begun = { ...catalogue, models: new Map([...catalogue.models].slice(0, 3)) };
      await (await anotherBook()).publish(begun);
      await (await anotherBook()).publish(catalogue);
      const events = await eventsOf(catalogue);
      expect(events.length).to.be.above(3);
      for (const { data } of events) expect(sizeOf(data)).to.be.below(512 * 1024);
      const cold = await anotherBook();
      for (const model of models)
        expect(await cold.promised(catalogue.version, model.slug)).to.deep.equal(priced(model));
    });

    it('asks the store once for a version, and not at all for the one in force', async () => {
      const [current, other] = [catalogueOf(modelOf('a')), catalogueOf(modelOf('a', 3))];
      const store = watch(await stores.another());
      const book = openPriceBook(store, () => current);
      await book.publish(other);
      const { streamReads } = store.counts;
      for (let n = 0; n < 5; n++) {
        await book.promised(current.version, 'a');
        await book.promised(other.version, 'a');
      }
      expect(store.counts.streamReads - streamReads).to.equal(1);
    });
  });

const sizeOf = (data: object): number => JSON.stringify(data).length;
