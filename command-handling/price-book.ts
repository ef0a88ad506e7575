/**
 * The price book: at which prices executions are accepted, by catalogue version. The prices of a
 * version are in the log before anything is accepted under it, so whoever settles an execution
 * finds them there, whatever catalogue is in force then.
 *
 *   catalogue loaded ─► its models that the stream lacks ─► PricesPublished, expecting what was
 *                            ▲         │ none                    │ read: another replica wrote
 *                            └─────────┼─────────────────────────┘
 *                                      ▼
 *                             CatalogueTookEffect, unless it is in force
 */
import type { Catalogue, Model, Route } from '../contracts/catalogue/catalogue.js';
import type {
  CatalogueTookEffect,
  PricesPublished,
  PublishedModel,
  PublishedRoute,
} from '../contracts/events/catalogue.js';
import type { Usage } from '../contracts/events/execution.js';
import { streamOf } from '../contracts/streams.js';
import { priceEntryOf, priceOf, tierEntriesOf } from '../domain/pricing/price-entry.js';
import type { PricedRoute } from '../domain/pricing/pricing.js';
import { NO_STREAM, type EventStore } from '../infra/event-store/port.js';
import { openRecentMap } from '../infra/recent-map.js';
import type { CommandMetadata } from './command-metadata.js';
import { appendOf, readEvents } from './streams.js';

/** Both throw `StoreUnavailable` or `StoreOverloaded`, and may be repeated. */
export interface PriceBook {
  /**
   * Resolves when the prices of all models are in the log, and that this version is in force. Where
   * several processes accept, that is the one that was taken up last.
   */
  publish(catalogue: Catalogue): Promise<void>;
  /**
   * A model as it was in that version; undefined where its prices were never published, as for
   * executions of releases that published none.
   */
  promised(version: string, model: string): Promise<PromisedModel | undefined>;
}

/** What was estimated for an input that does not say how much it asks for, and the prices. */
export interface PromisedModel {
  readonly usageDefault: Usage;
  readonly routes: readonly PricedRoute[];
}

type Prices = ReadonlyMap<string, PromisedModel>;

/** Versions that executions under way were accepted under. */
const VERSIONS_MAX = 64;
/** Of one event: a store takes at most 1 MiB in one append. */
const EVENT_BYTES_MAX = 256 * 1024;
const EVENT_MODELS_MAX = 1_000;

export function openPriceBook(store: EventStore, current: () => Catalogue): PriceBook {
  const known = openRecentMap<string, Prices>({
    costMax: VERSIONS_MAX,
    entriesMax: VERSIONS_MAX,
  });
  const readVersion = (version: string) =>
    readEvents<PricesPublished>(store, streamOf('catalogue', version));
  return {
    async publish(catalogue) {
      for (;;) {
        const events = await readVersion(catalogue.version);
        const published = new Set(
          events.flatMap(({ data }) => data.models.map(({ slug }) => slug)),
        );
        const missing = [...catalogue.models.values()].filter(({ slug }) => !published.has(slug));
        if (missing.length === 0) return putInForce(store, catalogue.version);
        const revision = events.at(-1)?.revision ?? NO_STREAM;
        const append = appendFor(catalogue.version, revision, missing);
        await store.append({ appends: [append] });
      }
    },

    async promised(version, model) {
      const catalogue = current();
      if (catalogue.version === version) return catalogue.models.get(model);
      const kept = known.get(version);
      if (kept) return kept.get(model);
      const prices = pricesIn(await readVersion(version));
      if (prices.size > 0) known.set(version, prices, 1);
      return prices.get(model);
    },
  };
}

/** In the stream of all versions; what is in force already is not said again. */
async function putInForce(store: EventStore, version: string): Promise<void> {
  for (;;) {
    const newest = { direction: 'backward', limit: 1 } as const;
    const [last] = await readEvents<CatalogueTookEffect>(store, IN_FORCE, newest);
    if (last?.data.version === version) return;
    const data = { version, at: new Date().toISOString() };
    const event: CatalogueTookEffect = { type: 'CatalogueTookEffect', data };
    const revision = last?.revision ?? NO_STREAM;
    const append = appendOf(IN_FORCE, revision, [event], metadataFor(version));
    const [outcome] = await store.append({ appends: [append] });
    if (outcome?.status === 'appended') return;
  }
}

/** No version has this name: they are digests. */
const IN_FORCE = streamOf('catalogue', 'in_force');

function appendFor(version: string, revision: number, models: readonly Model[]) {
  const at = new Date().toISOString();
  const data = { version, models: firstOf(models.map(publishedModel)), at };
  const event: PricesPublished = { type: 'PricesPublished', data };
  return appendOf(streamOf('catalogue', version), revision, [event], metadataFor(version));
}

const metadataFor = (version: string): CommandMetadata => ({
  actor: 'operator',
  correlationId: version,
  causationId: 'catalogue',
});

/** As many as one event carries, and at least one. */
function firstOf(models: readonly PublishedModel[]): readonly PublishedModel[] {
  let bytes = 0;
  const end = models.findIndex((model, index) => {
    bytes += Buffer.byteLength(JSON.stringify(model));
    return index > 0 && (bytes > EVENT_BYTES_MAX || index >= EVENT_MODELS_MAX);
  });
  return end < 0 ? models : models.slice(0, end);
}

const publishedModel = ({ slug, modality, usageDefault, routes }: Model): PublishedModel => ({
  slug,
  modality,
  usageDefault,
  routes: routes.map(publishedRoute),
});

function publishedRoute(route: Route): PublishedRoute {
  const { name, provider, providerModel, price, cost, priority } = route;
  const { weight, capabilities, promises } = route;
  const [priceTiers, costTiers] = [tierEntriesOf(price), tierEntriesOf(cost)];
  return {
    name,
    provider,
    providerModel,
    price: priceEntryOf(price),
    cost: priceEntryOf(cost),
    ...(priceTiers && { priceTiers }),
    ...(costTiers && { costTiers }),
    ...(priority !== 0 && { priority }),
    ...(weight !== undefined && { weight }),
    ...(capabilities && { capabilities }),
    ...(promises && { promises }),
  };
}

const pricesIn = (events: readonly PricesPublished[]): Prices =>
  new Map(
    events.flatMap(({ data }) =>
      data.models.map(({ slug, usageDefault, routes }) => [
        slug,
        {
          usageDefault,
          routes: routes.map(({ name, price, priceTiers: tiers }) => ({
            name,
            price: priceOf({ ...price, ...(tiers && { tiers }) }),
          })),
        },
      ]),
    ),
  );
