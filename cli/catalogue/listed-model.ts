/** A model of a public list, in our words: what a route and its model are made of. */
import type { Capabilities } from '../../contracts/catalogue/capabilities.js';
import type {
  PriceEntry,
  PriceTierEntry,
  PriceUnit,
  TieredPriceEntry,
} from '../../contracts/catalogue/price-units.js';
import type { ProviderEntry } from '../../contracts/catalogue/provider-entry.js';
import type { Modality } from '../../contracts/events/execution.js';
import { decimalOf, microsOf } from './decimal.js';
import { formatMoney } from '../../contracts/money.js';

export interface ListedModel {
  readonly slug: string;
  readonly name: string;
  readonly description: string;
  readonly modality: Modality;
  readonly provider: string;
  readonly providerModel: string;
  readonly price: TieredPriceEntry;
  readonly cost: TieredPriceEntry;
  readonly capabilities: Capabilities;
  /** The most that an answer may have, where the list says. */
  readonly outputTokens: number | undefined;
}

export interface ReadList {
  readonly providers: ReadonlyMap<string, ProviderEntry>;
  readonly models: readonly ListedModel[];
  readonly skipped: readonly Skipped[];
}

/** A model that was left out. */
export interface Skipped {
  readonly name: string;
  readonly why: string;
}

export interface ListOptions {
  readonly only: string | undefined;
  readonly provider: string | undefined;
  readonly markup: bigint;
}

/** Of the list, how many of ours it is, and our unit. */
export type PriceLine = readonly [unit: PriceUnit, value: unknown, times: bigint];

/** The lines of requests with more input tokens than that. */
export interface TierLines {
  readonly aboveInputTokens: number;
  readonly lines: readonly PriceLine[];
}

type Prices = Pick<ListedModel, 'price' | 'cost'>;

/** Both price lists, or why they cannot be written. */
export function pricesOf(
  lines: readonly PriceLine[],
  tiers: readonly TierLines[],
  markup: bigint,
): Prices | string {
  const base = pairOf(lines, markup);
  if (typeof base === 'string') return base;
  if (Object.keys(base.cost).length === 0) return 'it has no price';
  const price: PriceTierEntry[] = [];
  const cost: PriceTierEntry[] = [];
  const ascending = [...tiers].sort((a, b) => a.aboveInputTokens - b.aboveInputTokens);
  for (const { aboveInputTokens: above_input_tokens, lines: own } of ascending) {
    const pair = pairOf(own, markup);
    if (typeof pair === 'string') return pair;
    price.push({ above_input_tokens, ...pair.price });
    cost.push({ above_input_tokens, ...pair.cost });
  }
  if (cost.length === 0) return base;
  return { price: { ...base.price, tiers: price }, cost: { ...base.cost, tiers: cost } };
}

/** A line that is absent or null costs nothing, and nothing is rounded. */
function pairOf(
  lines: readonly PriceLine[],
  markup: bigint,
): { readonly price: PriceEntry; readonly cost: PriceEntry } | string {
  const price: Partial<Record<PriceUnit, string>> = {};
  const cost: Partial<Record<PriceUnit, string>> = {};
  for (const [unit, value, times] of lines) {
    if (value === undefined || value === null) continue;
    const decimal = decimalOf(value);
    if (!decimal) return `its price ${unit} is no amount`;
    const micros = microsOf(decimal, times);
    const dearer = microsOf(decimal, times, markup);
    if (micros === undefined || dearer === undefined)
      return `its price ${unit} is finer than a millionth of a dollar`;
    cost[unit] = formatMoney(micros);
    price[unit] = formatMoney(dearer);
  }
  return { price, cost };
}

const SLUG_CHARS_MAX = 63;

/** Lower-case letters, digits, dots and hyphens; what is too long loses its end. */
export function slugOf(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .slice(0, SLUG_CHARS_MAX)
    .replace(/^[-.]+|[-.]+$/g, '');
  return slug === '' ? 'model' : slug;
}

/** Within a field's length, on one line. */
export function shortened(text: unknown, max: number, otherwise: string): string {
  const given = typeof text === 'string' ? text.replace(/\s+/g, ' ').trim() : '';
  if (given === '') return otherwise;
  return given.length > max ? `${given.slice(0, max - 1).trimEnd()}…` : given;
}

export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= 100_000_000;
