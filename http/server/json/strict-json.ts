/**
 * The strict JSON reader of the HTTP edge.
 *
 * It accepts what JSON.parse accepts, less everything that two readers could understand
 * differently or that a later store would choke on: duplicate keys, NUL, lone surrogates, numbers
 * that lose their value, too much nesting, too many keys or
 * values, `__proto__`. Such a body is refused here,
 * before it can share a batch with anybody else's.
 *
 * It stands in front of every submission. One pass over the bytes clears nearly all bodies; it may
 * doubt a good body, but never clears a bad one, and what it doubts goes to the careful reader.
 */

import { isUtf8 } from 'node:buffer';
import { findProblem, tooManyValues, utf8Problem } from './json-problems.js';
import type { JsonLimits, JsonProblem } from './json-problems.js';

export type JsonReading =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: JsonProblem };

const DEPTH_MAX = 64;
const KEYS_MAX = 10_000;
/** Whatever is done with each value later, a body of so many does not hold the process. */
const VALUES_MAX = 100_000;
const DOUBTFUL = -1;
/** Every integer of so many digits is below 2^53. */
const SAFE_DIGITS_MAX = 15;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;

/** Reads a whole body; a refusal names the first problem and the byte at which it starts. */
export function readJson(bytes: Buffer, limits: Partial<JsonLimits> = {}): JsonReading {
  const { depthMax = DEPTH_MAX, keysMax = KEYS_MAX, valuesMax = VALUES_MAX } = limits;
  const all = { depthMax, keysMax, valuesMax };
  if (!isUtf8(bytes)) return { ok: false, problem: utf8Problem(bytes) };
  const keys = quickScan(bytes, all);
  if (keys < DOUBTFUL) return { ok: false, problem: tooManyValues(DOUBTFUL - keys, valuesMax) };
  if (keys === DOUBTFUL || keys > keysMax) {
    const problem = findProblem(bytes, all);
    return problem ? { ok: false, problem } : { ok: true, value: parse(bytes) };
  }
  const value = parse(bytes);
  if (value !== undefined && keysOf(value) === keys) return { ok: true, value };
  return { ok: false, problem: findProblem(bytes, all) ?? notJson };
}

/** Both readers agree on the grammar (a property test holds them to it); JSON.parse has the say. */
const notJson: JsonProblem = { code: 'syntax', message: 'The body is not valid JSON.', offset: 0 };

/** Undefined, which no JSON text means, when the text is not JSON. */
function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * The number of colons outside strings, which is the number of keys if this is JSON; DOUBTFUL when
 * there is something that JSON.parse would let pass and we might not. Less than DOUBTFUL, by the
 * offset of a value, as soon as commas alone stand between more of them than may be, and the keys
 * are not too many: whatever else is wrong behind it or before it costs nothing more.
 */
function quickScan(bytes: Buffer, { depthMax, keysMax, valuesMax }: JsonLimits): number {
  const { length } = bytes;
  let depth = 0;
  let keys = 0;
  // A value is the first, or follows a comma, an opening, or a key that does.
  let openings = 1;
  let commas = 0;
  for (let at = 0; at < length; at += 1) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = endOfString(bytes, at + 1);
      if (at === DOUBTFUL) return DOUBTFUL;
    } else if (byte === 0x3a) {
      keys += 1;
    } else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      openings += 1;
      if (depth > depthMax) return DOUBTFUL;
    } else if (byte === 0x2c) {
      commas += 1;
      if (commas >= valuesMax) return keys > keysMax ? DOUBTFUL : DOUBTFUL - (at + 1);
    } else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
    } else if (byte >= 0x30 && byte <= 0x39) {
      at = endOfDigits(bytes, at);
      if (at === DOUBTFUL) return DOUBTFUL;
    }
  }
  return openings + commas > valuesMax ? DOUBTFUL : keys;
}

/** The closing quote. An escape that is, or may be part of, NUL or a surrogate is doubtful. */
function endOfString(bytes: Buffer, start: number): number {
  const { length } = bytes;
  for (let at = start; at < length; at += 1) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) {
      at += 1;
      if (bytes[at] === LETTER_U && isDoubtfulEscape(bytes, at + 1)) return DOUBTFUL;
    }
  }
  return length;
}

/** Of the escapes that begin with d, those up to d7ff (Hangul) are ordinary characters. */
function isDoubtfulEscape(bytes: Buffer, at: number): boolean {
  const first = bytes[at];
  const second = bytes[at + 1]!;
  if (first === 0x64 || first === 0x44) return !(second >= 0x30 && second <= 0x37);
  return first === 0x30 && second === 0x30 && bytes[at + 2] === 0x30;
}

/** The last digit of a run. Long integers and exponents are doubtful; a fraction may be long. */
function endOfDigits(bytes: Buffer, start: number): number {
  const { length } = bytes;
  let at = start + 1;
  while (at < length && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at += 1;
  const isFraction = start > 0 && bytes[start - 1] === 0x2e;
  if (at - start > SAFE_DIGITS_MAX && !isFraction) return DOUBTFUL;
  if (at < length && (bytes[at]! | 0x20) === 0x65) return DOUBTFUL;
  return at - 1;
}

/**
 * How many keys arrived in the value: fewer than in the text if one was repeated, and not a number
 * at all if one is `__proto__`, so that neither can equal the count of the text. Not deeper than
 * the depth already checked.
 */
function keysOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const item of value) keys += keysOf(item);
    return keys;
  }
  const object = value as Record<string, unknown>;
  for (const key in object) {
    if (key === '__proto__') return Number.NaN;
    keys += 1 + keysOf(object[key]);
  }
  return keys;
}
