/**
 * Pricing: what usage costs, what it may cost at most, and what is held for it.
 *
 * Rounding rule: each line of a price list is rounded UP to a whole micro on its own, and the cost
 * is the sum of the lines. Seconds are first brought to whole milliseconds, also upwards. All
 * arithmetic is on bigint; hence a cost never falls when usage grows, and an estimate over a bound
 * on usage is a bound on the cost.
 *
 * Cached input tokens are charged by their own line where the list has one, else as input tokens.
 * Above the bound of a tier, its prices are those of the whole request.
 */
import type { Model, Route } from '../../contracts/catalogue/catalogue.js';
import type { Price, PriceUnit, UnitPrices } from '../../contracts/catalogue/price-units.js';
import type { Usage } from '../../contracts/events/execution.js';
import type { Micros } from '../../contracts/money.js';
import { isCount, isSeconds, withDefaults } from './defaults.js';
import { usageMax } from './usage-max.js';

type Input = Readonly<Record<string, unknown>>;

interface Estimate {
  readonly estimated: Micros;
  /** The most that the input can use; providers' counts beyond it are not believed. */
  readonly usage: Usage;
  /** Where it may go. */
  readonly routes: readonly PricedRoute[];
}

/** Throws RangeError on counts that are not whole and not negative: usage is vetted on entry. */
export function costOf(price: Price, usage: Usage): Micros {
  const prices = price.tiers ? pricesAt(price, usage) : price;
  const amounts = amountsOf(prices, usage);
  let cost = 0n;
  for (const unit of Object.keys(prices) as PriceUnit[]) {
    const [amount, units] = linesOf[unit];
    cost += lineCost(prices[unit], amounts[amount], units);
  }
  return cost;
}

const lineCost = (price: Micros | undefined, quantity: bigint, units: bigint): Micros =>
  ((price ?? 0n) * quantity + units - 1n) / units;

/** One line of a price list, applied. */
export interface CostLine {
  readonly unit: PriceUnit;
  readonly unitPrice: Micros;
  /** How much of what the line counts was used; `perUnit` of it make one unit. */
  readonly quantity: bigint;
  readonly perUnit: bigint;
  readonly amount: Micros;
}

/** What `costOf` sums up, line by line. */
export function costLines(price: Price, usage: Usage): readonly CostLine[] {
  const prices = pricesAt(price, usage);
  const amounts = amountsOf(prices, usage);
  return (Object.keys(prices) as PriceUnit[]).map((unit): CostLine => {
    const [counted, perUnit] = linesOf[unit];
    const [unitPrice = 0n, quantity] = [prices[unit], amounts[counted]];
    return { unit, unitPrice, quantity, perUnit, amount: lineCost(unitPrice, quantity, perUnit) };
  });
}

/** What holds for a request of this size, whole. */
function pricesAt({ tiers = [], ...base }: Price, { inputTokens = 0 }: Usage): UnitPrices {
  let prices: UnitPrices = base;
  for (const { above_input_tokens: above, ...units } of tiers)
    if (inputTokens > above) prices = { ...base, ...units };
  return prices;
}

type Amount =
  | 'request'
  | 'images'
  | 'pixels'
  | 'milliseconds'
  | 'characters'
  | 'freshTokens'
  | 'cachedTokens'
  | 'outputTokens';

/** Of what a line counts, and how many of it make one unit. */
const linesOf: Readonly<Record<PriceUnit, readonly [Amount, bigint]>> = {
  per_request: ['request', 1n],
  per_image: ['images', 1n],
  per_megapixel: ['pixels', 1_000_000n],
  per_second: ['milliseconds', 1_000n],
  per_minute: ['milliseconds', 60_000n],
  per_character: ['characters', 1n],
  per_1k_characters: ['characters', 1_000n],
  per_1m_characters: ['characters', 1_000_000n],
  per_1k_input_tokens: ['freshTokens', 1_000n],
  per_1m_input_tokens: ['freshTokens', 1_000_000n],
  per_1k_cached_input_tokens: ['cachedTokens', 1_000n],
  per_1m_cached_input_tokens: ['cachedTokens', 1_000_000n],
  per_1k_output_tokens: ['outputTokens', 1_000n],
  per_1m_output_tokens: ['outputTokens', 1_000_000n],
};

function amountsOf(price: UnitPrices, usage: Usage): Readonly<Record<Amount, bigint>> {
  const input = counted(usage.inputTokens);
  const isCachePriced =
    price.per_1k_cached_input_tokens !== undefined ||
    price.per_1m_cached_input_tokens !== undefined;
  const cached = isCachePriced ? Math.min(counted(usage.cachedInputTokens), input) : 0;
  return {
    request: 1n,
    images: BigInt(counted(usage.images)),
    pixels: BigInt(counted(usage.pixels)),
    milliseconds: milliseconds(usage.seconds),
    characters: BigInt(counted(usage.characters)),
    freshTokens: BigInt(input - cached),
    cachedTokens: BigInt(cached),
    outputTokens: BigInt(counted(usage.outputTokens)),
  };
}

/**
 * What lists cost for one use, as numbers: to weigh routes against each other, quickly, and never
 * to charge anybody.
 */
export function weighing(usage: Usage): (price: Price) => number {
  const amounts: Readonly<Record<Amount, number>> = {
    request: 1,
    images: usage.images ?? 0,
    pixels: usage.pixels ?? 0,
    milliseconds: (usage.seconds ?? 0) * 1_000,
    characters: usage.characters ?? 0,
    freshTokens: usage.inputTokens ?? 0,
    cachedTokens: 0,
    outputTokens: usage.outputTokens ?? 0,
  };
  return (price) => {
    let sum = 0;
    for (const { amount, each } of weightsOf(price.tiers ? pricesAt(price, usage) : price))
      sum += each * amounts[amount];
    return sum;
  };
}

interface Weight {
  readonly amount: Amount;
  readonly each: number;
}

/** Of the price lists of the catalogue, which do not change. */
const weights = new WeakMap<UnitPrices, readonly Weight[]>();

function weightsOf(prices: UnitPrices): readonly Weight[] {
  const known = weights.get(prices);
  if (known) return known;
  const lines = (Object.keys(prices) as PriceUnit[]).map((unit): Weight => {
    const [amount, units] = linesOf[unit];
    return { amount, each: Number(prices[unit]) / Number(units) };
  });
  weights.set(prices, lines);
  return lines;
}

/** A route, and what the caller pays on it. */
export type PricedRoute = Pick<Route, 'name' | 'price'>;

/**
 * The price of a success on `route`, where the caller was promised the prices of `promised`, the
 * routes of the accepted catalogue version. On a route that is newer than the promise the caller
 * pays its price, and at most what the dearest promised route would have cost.
 */
export function costAt(promised: readonly PricedRoute[], route: PricedRoute, usage: Usage): Micros {
  const same = promised.find(({ name }) => name === route.name);
  if (same) return costOf(same.price, usage);
  const cost = costOf(route.price, usage);
  const most = dearest(promised, usage);
  return cost < most ? cost : most;
}

const USAGE_MAX: Readonly<Required<Usage>> = {
  inputTokens: 100_000_000,
  cachedInputTokens: 100_000_000,
  outputTokens: 100_000_000,
  reasoningTokens: 100_000_000,
  images: 1_000,
  pixels: 100_000_000_000,
  seconds: 86_400,
  characters: 100_000_000,
};

/**
 * What a provider says it used, as it may reach money: what is no count is left out, and what is
 * beyond any use is cut, so that a cost fits wherever amounts are kept.
 */
export function boundedUsage(told: Usage): Usage {
  const usage: Partial<Record<keyof Usage, number>> = {};
  for (const unit of Object.keys(USAGE_MAX) as (keyof Usage)[]) {
    const value = told[unit];
    const isUsable = unit === 'seconds' ? isSeconds(value) : isCount(value);
    if (isUsable) usage[unit] = Math.min(value as number, USAGE_MAX[unit]);
  }
  return usage;
}

interface Known {
  /** Where it may go. */
  readonly routes?: readonly PricedRoute[];
  /** Of the sounds that the input names. */
  readonly seconds?: number | undefined;
}

/** The dearest of the routes where it may go over the most that this input can use. */
export function estimateFor(
  model: Model,
  input: Input,
  { routes = model.routes, seconds }: Known = {},
): Estimate {
  const usage = usageMax(model, withDefaults(model, input), seconds);
  return { estimated: dearest(routes, usage), usage, routes };
}

/** The lines of the dearest route: together they are the estimate. */
export function estimateLines({ estimated, usage, routes }: Estimate): readonly CostLine[] {
  const route = routes.find(({ price }) => costOf(price, usage) === estimated);
  return route ? costLines(route.price, usage) : [];
}

const dearest = (routes: readonly PricedRoute[], usage: Usage): Micros =>
  routes
    .map(({ price }) => costOf(price, usage))
    .reduce((most, cost) => (cost > most ? cost : most), 0n);

const HOLD_MIN_MICROS = 10_000n;

/** Estimate × 1.2 rounded up, at least one cent. */
export function holdFor(estimatedMicros: Micros): Micros {
  const hold = (estimatedMicros * 6n + 4n) / 5n;
  return hold > HOLD_MIN_MICROS ? hold : HOLD_MIN_MICROS;
}

function counted(count = 0): number {
  if (isCount(count)) return count;
  throw new RangeError(`not a count: ${count}`);
}

/** `toFixed` rounds the exact binary value, so no product of floats decides about a micro. */
function milliseconds(seconds = 0): bigint {
  if (seconds === 0) return 0n;
  if (!isSeconds(seconds)) throw new RangeError(`not a duration in seconds: ${seconds}`);
  const microseconds = BigInt(seconds.toFixed(6).replace('.', ''));
  return (microseconds + 999n) / 1000n;
}
