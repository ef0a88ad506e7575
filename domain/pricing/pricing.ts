/**
 * Pricing: what usage costs, what it may cost at most, and what is held for it.
 *
 * Rounding rule: each line of a price list (per request, image, second, 1K input tokens, 1K output
 * tokens) is rounded UP to a whole micro on its own, and the cost is the sum of the lines. Seconds
 * are first brought to whole milliseconds, also upwards. All arithmetic is on bigint; hence a cost
 * never falls when usage grows, and an estimate over a bound on usage is a bound on the cost.
 */
import type { Model, Price, Route } from '../../contracts/catalogue/catalogue.js';
import type { Usage } from '../../contracts/events/execution.js';
import type { Micros } from '../../contracts/money.js';
import { boundIn, isCount, isSeconds, withDefaults } from './defaults.js';

type Input = Readonly<Record<string, unknown>>;

interface Estimate {
  readonly estimated: Micros;
  /** The most that the input can use; providers' counts beyond it are not believed. */
  readonly usage: Usage;
}

/** Throws RangeError on counts that are not whole and not negative: usage is vetted on entry. */
export function costOf(price: Price, usage: Usage): Micros {
  return (
    price.perRequest +
    price.perImage * BigInt(counted(usage.images)) +
    perThousand(price.perSecond, milliseconds(usage.seconds)) +
    perThousand(price.per1kInputTokens, BigInt(counted(usage.inputTokens))) +
    perThousand(price.per1kOutputTokens, BigInt(counted(usage.outputTokens)))
  );
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

const USAGE_MAX = { tokens: 100_000_000, images: 1_000, seconds: 86_400 };

/**
 * What a provider says it used, as it may reach money: what is no count is left out, and what is
 * beyond any use is cut, so that a cost fits wherever amounts are kept.
 */
export function boundedUsage({ inputTokens, outputTokens, images, seconds }: Usage): Usage {
  const [input, output] = [inputTokens, outputTokens].map((n) => bounded(n, USAGE_MAX.tokens));
  const pictures = bounded(images, USAGE_MAX.images);
  return {
    ...(input !== undefined && { inputTokens: input }),
    ...(output !== undefined && { outputTokens: output }),
    ...(pictures !== undefined && { images: pictures }),
    ...(isSeconds(seconds) && { seconds: Math.min(seconds, USAGE_MAX.seconds) }),
  };
}

/** The dearest of the model's routes over the most that this input can use. */
export function estimateFor(model: Model, input: Input): Estimate {
  const usage = usageMax(model, withDefaults(model, input));
  return { estimated: dearest(model.routes, usage), usage };
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

/** What the chat format adds around one message (role, separators) and around all of them. */
const TOKENS_PER_PART = 16;

/**
 * The most input tokens that a text input can be counted as: one per UTF-8 byte of every string in
 * it, and 16 for each object (a message) and for the whole. A byte-level tokenizer never makes more
 * tokens than there are bytes, whatever the language; what is not used returns with the hold.
 */
export function inputTokensMax(input: Input): number {
  let tokens = 0;
  const open: unknown[] = [input];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value === 'string') tokens += Buffer.byteLength(value);
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value)) tokens += TOKENS_PER_PART;
    for (const part of Object.values(value)) if (part !== undefined) open.push(part);
  }
  return tokens;
}

/** Of an input with its defaults: it says how much it asks for. */
function usageMax(model: Model, input: Input): Usage {
  const bound = boundIn(model, input) ?? 0;
  switch (model.modality) {
    case 'text':
      return { inputTokens: inputTokensMax(input), outputTokens: bound };
    case 'image':
      return { images: bound };
    case 'audio':
    case 'video':
      return { seconds: bound };
  }
}

function counted(count = 0): number {
  if (isCount(count)) return count;
  throw new RangeError(`not a count: ${count}`);
}

const bounded = (count: number | undefined, most: number): number | undefined =>
  isCount(count) ? Math.min(count, most) : undefined;

/** `toFixed` rounds the exact binary value, so no product of floats decides about a micro. */
function milliseconds(seconds = 0): bigint {
  if (seconds === 0) return 0n;
  if (!isSeconds(seconds)) throw new RangeError(`not a duration in seconds: ${seconds}`);
  const microseconds = BigInt(seconds.toFixed(6).replace('.', ''));
  return (microseconds + 999n) / 1000n;
}

const perThousand = (price: Micros, count: bigint): Micros => (price * count + 999n) / 1000n;
