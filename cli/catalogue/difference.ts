/** What an import changes in a catalogue, before it is written. */
import type { CatalogueDocument } from '../../contracts/catalogue/catalogue.schema.js';
import type { RouteEntry } from '../../contracts/catalogue/model-entry.js';
import type { TieredPriceEntry } from '../../contracts/catalogue/price-units.js';
import type { ListedModel, ReadList } from './listed-model.js';

export interface Difference {
  readonly added: readonly ListedModel[];
  readonly changed: readonly ChangedRoute[];
  readonly removed: readonly RemovedRoute[];
  readonly providers: readonly string[];
}

/** A route that is there, whose list price is another now. */
export interface ChangedRoute {
  readonly slug: string;
  readonly index: number;
  readonly name: string;
  readonly cost: Change;
  /** Absent where the catalogue's price is the operator's own: it stays. */
  readonly price?: Change;
}

interface Change {
  readonly before: TieredPriceEntry;
  readonly after: TieredPriceEntry;
}

export interface RemovedRoute {
  readonly slug: string;
  readonly index: number;
  readonly name: string;
  /** The model has no other route. */
  readonly isLast: boolean;
}

/** `isWhole`: the list was not narrowed, so what it lacks is gone. */
export function differenceOf(
  { models = {}, providers = {} }: Partial<CatalogueDocument>,
  list: ReadList,
  { isWhole, markup }: { readonly isWhole: boolean; readonly markup: bigint },
): Difference {
  const listed = new Map(list.models.map((one) => [keyOf(one.provider, one.providerModel), one]));
  const left = new Map(listed);
  const changed: ChangedRoute[] = [];
  const removed: RemovedRoute[] = [];
  for (const [slug, { routes }] of Object.entries(models)) {
    const gone = (route: RouteEntry) =>
      isWhole &&
      list.providers.has(route.provider) &&
      !listed.has(keyOf(route.provider, route.provider_model));
    const isLast = routes.every(gone);
    routes.forEach((route, index) => {
      const name = route.name ?? `${slug}/${route.provider}`;
      const key = keyOf(route.provider, route.provider_model);
      const one = listed.get(key);
      left.delete(key);
      const change = one && changeOf(route, one, markup);
      if (change) changed.push({ slug, index, name, ...change });
      if (gone(route)) removed.push({ slug, index, name, isLast });
    });
  }
  const added = named([...left.values()], new Set(Object.keys(models)));
  const needed = new Set(added.map(({ provider }) => provider));
  const missing = [...needed].filter((slug) => !Object.hasOwn(providers, slug));
  return { added, changed, removed, providers: missing };
}

const keyOf = (provider: string, model: string): string => `${provider}\n${model}`;

function changeOf(
  { price = {}, cost }: RouteEntry,
  listed: ListedModel,
  markup: bigint,
): Pick<ChangedRoute, 'cost' | 'price'> | undefined {
  const isOwnPrice = markup === 0n && !isSame(price, cost);
  const change = { cost: { before: cost, after: listed.cost } };
  const prices = isOwnPrice || isSame(price, listed.price);
  if (isSame(cost, listed.cost) && prices) return undefined;
  return prices ? change : { ...change, price: { before: price, after: listed.price } };
}

function isSame(one: TieredPriceEntry, other: TieredPriceEntry): boolean {
  return textOf(one) === textOf(other);
}

/** `0.040` is `0.04`, and what costs nothing is no line. */
function textOf({ tiers = [], ...units }: TieredPriceEntry): string {
  const lines = Object.entries(units)
    .map(([unit, amount]) => [unit, Number(amount)] as const)
    .filter(([, amount]) => amount !== 0)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([lines, tiers.map((tier) => Object.entries(tier).map(numbers).sort())]);
}

const numbers = ([name, value]: [string, unknown]): string => `${name} ${Number(value)}`;

/** Slugs that nobody has: a second one takes the provider's before it, then a number. */
function named(listed: readonly ListedModel[], taken: ReadonlySet<string>): ListedModel[] {
  const names = new Set(taken);
  return listed.map((one) => {
    const { provider, slug } = one;
    const free = [
      slug,
      `${provider}-${slug}`,
      ...Array.from({ length: 99 }, (_, i) => `${slug}-${i + 2}`),
    ]
      .map((name, index) => (name.length <= 63 ? name : `${name.slice(0, 58)}-${index}`))
      .find((name) => !names.has(name));
    if (free === undefined) throw new Error(`no slug is free for ${one.providerModel}`);
    names.add(free);
    return { ...one, slug: free };
  });
}
