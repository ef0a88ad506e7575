/** A version of the catalogue as the log has it, what it changed, and its words for a person. */
import type {
  PricesPublished,
  PublishedModel,
  PublishedRoute,
} from '../../contracts/events/catalogue.js';

export interface Version {
  readonly version: string;
  /** When its first models were published. */
  readonly at: string;
  readonly models: ReadonlyMap<string, PublishedModel>;
}

interface Changes {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export const versionOf = (version: string, events: readonly PricesPublished[]): Version => ({
  version,
  at: events[0]?.data.at ?? '',
  models: new Map(events.flatMap(({ data }) => data.models.map((one) => [one.slug, one]))),
});

export function changesIn(
  before: ReadonlyMap<string, PublishedModel>,
  after: ReadonlyMap<string, PublishedModel>,
): Changes {
  const isChanged = (model: PublishedModel) => {
    const other = before.get(model.slug);
    return other && JSON.stringify(other) !== JSON.stringify(model);
  };
  const models = [...after.values()];
  return {
    added: models.flatMap(({ slug }) => (before.has(slug) ? [] : [slug])),
    removed: [...before.keys()].filter((slug) => !after.has(slug)),
    changed: models.filter(isChanged).map(({ slug }) => slug),
  };
}

/** With what each route had before, where it is another. */
export function linesOf(
  { slug, modality, routes }: PublishedModel,
  before?: PublishedModel,
): string[] {
  const lines = routes.flatMap((route) => {
    const other = before?.routes.find(({ name }) => name === route.name);
    const own = textOf(route);
    if (other && textOf(other) === own) return [];
    return [`  ${own}`, ...(other ? [`    was ${textOf(other)}`] : [])];
  });
  const gone = before?.routes.filter(({ name }) => !routes.some((one) => one.name === name)) ?? [];
  return [`${slug}  ${modality}`, ...lines, ...gone.map(({ name }) => `  - ${name}`)];
}

function textOf(route: PublishedRoute): string {
  const { name, provider, providerModel, price, cost, priceTiers, costTiers } = route;
  const { priority, weight, capabilities, promises } = route;
  const others = { priceTiers, costTiers, priority, weight, promises, capabilities };
  const more = Object.entries(others)
    .filter(([, value]) => value !== undefined)
    .map(([word, value]) => `${word} ${JSON.stringify(value)}`);
  const prices = [`price ${pricesIn(price)}`, `cost ${pricesIn(cost)}`];
  return [`${name}  ${provider} ${providerModel}`, ...prices, ...more].join('; ');
}

const pricesIn = (prices: PublishedRoute['price']): string =>
  Object.entries(prices)
    .map(([unit, amount]) => `${unit} ${amount}`)
    .join(', ') || 'nothing';
