/**
 * Pricing: what usage costs, what it may cost at most, and what is held for it.
 *
 * Rounding rule: each line of a price list (per request, image, second, 1K input tokens, 1K output
 * tokens) is rounded UP to a whole micro on its own, and the cost is the sum of the lines. Seconds
 * are first brought to whole milliseconds, also upwards. All arithmetic is on bigint; hence a cost
 * never falls when usage grows, and an estimate over a bound on usage is a bound on the cost.
 */
import type { Model, Price } from '../../contracts/catalogue/catalogue.js';
import type { Usage } from '../../contracts/events/execution.js';
import type { Micros } from '../../contracts/money.js';
import { withDefaults } from './defaults.js';

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

/** The dearest of the model's routes over the most that this input can use. */
export function estimateFor(model: Model, input: Input): Estimate {
  const usage = usageMax(model, withDefaults(model, input));
  const estimated = model.routes
    .map(({ price }) => costOf(price, usage))
    .reduce((dearest, cost) => (cost > dearest ? cost : dearest), 0n);
  return { estimated, usage };
}

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

function usageMax(model: Model, input: Input): Usage {
  const { usageDefault } = model;
  switch (model.modality) {
    case 'text':
      return {
        inputTokens: inputTokensMax(input),
        outputTokens: countIn(input, 'max_tokens') ?? usageDefault.outputTokens ?? 0,
      };
    case 'image':
      return { images: countIn(input, 'num_images') ?? usageDefault.images ?? 1 };
    case 'audio':
    case 'video':
      return { seconds: secondsIn(input) ?? usageDefault.seconds ?? 0 };
  }
}

function countIn(input: Input, name: string): number | undefined {
  const value = input[name];
  return Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : undefined;
}

function secondsIn(input: Input): number | undefined {
  const value = input['duration_seconds'];
  return typeof value === 'number' && isSeconds(value) ? value : undefined;
}

function counted(count = 0): number {
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new RangeError(`not a count: ${count}`);
}

/** `toFixed` rounds the exact binary value, so no product of floats decides about a micro. */
function milliseconds(seconds = 0): bigint {
  if (seconds === 0) return 0n;
  if (!isSeconds(seconds)) throw new RangeError(`not a duration in seconds: ${seconds}`);
  const microseconds = BigInt(seconds.toFixed(6).replace('.', ''));
  return (microseconds + 999n) / 1000n;
}

const isSeconds = (value: number): boolean => value >= 0 && value <= Number.MAX_SAFE_INTEGER;

const perThousand = (price: Micros, count: bigint): Micros => (price * count + 999n) / 1000n;
