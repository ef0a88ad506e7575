/**
 * The small vocabulary in which event schemas are written (JSON Schema 2020-12).
 *
 * `maximum` and `maxLength` bind who writes: no event is appended that a projection's column cannot
 * hold. They do not bind who reads, so that a log of an older release stays readable. Lengths are
 * in UTF-16 units, which need no counting; what comes from outside is bounded where it is read.
 */
import { idPattern, type IdPrefix } from '../ids.js';
import { MONEY_PATTERN } from '../money.js';
import type { EventSchema } from './envelope.js';

type Part = Readonly<Record<string, unknown>>;

export const text: Part = { type: 'string', maxLength: 8_192 };
/** A name that an index of a read model may have among its columns. */
export const slug: Part = { type: 'string', maxLength: 512 };
/** What is counted one by one: attempts, revisions, pixels. It fits an `integer` column. */
export const count: Part = { type: 'integer', minimum: 0, maximum: 2 ** 31 - 1 };
/** Bytes, milliseconds, tokens. It fits a `bigint` column, and is exact as a number. */
export const size: Part = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
export const flag: Part = { type: 'boolean' };
export const timestamp: Part = {
  type: 'string',
  pattern:
    '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])' +
    'T([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d\\.\\d{3}Z$',
};
export const money: Part = { type: 'string', pattern: MONEY_PATTERN, format: 'money' };
export const anything: Part = {};
export const id = (prefix: IdPrefix): Part => ({ type: 'string', pattern: idPattern(prefix) });
export const oneOf = (...values: string[]): Part => ({ enum: values });
/** Of anything that an event lists: files, candidates. */
export const LIST_ITEMS_MAX = 1_000;
export const listOf = (items: Part): Part => ({ type: 'array', items, maxItems: LIST_ITEMS_MAX });
export const record = (fields: Record<string, Part>): Part => {
  const { all, required } = split(fields);
  return { type: 'object', properties: all, required, additionalProperties: false };
};

/** Where a payload lies: prompts and outputs are never in events. */
export const payloadRef = record({
  ref: text,
  sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  bytes: size,
});

/** What is required of where an execution is worked on. */
export const requirements = record({
  'region?': text,
  'retention?': oneOf('none'),
  'training?': oneOf('never'),
});

/** A field name that ends in `?` is optional. Fields whose part is `money` are coded as bigint. */
export function eventSchema(meaning: string, fields: Record<string, Part>): EventSchema {
  const { all, required } = split(fields);
  const moneyFields = Object.keys(all).filter((name) => all[name]?.['format'] === 'money');
  return {
    version: 1,
    meaning,
    money: moneyFields,
    schema: { type: 'object', properties: all, required, additionalProperties: false },
  };
}

function split(fields: Record<string, Part>) {
  const all: Record<string, Part> = {};
  const required: string[] = [];
  for (const [name, part] of Object.entries(fields)) {
    const optional = name.endsWith('?');
    const plain = optional ? name.slice(0, -1) : name;
    all[plain] = part;
    if (!optional) required.push(plain);
  }
  return { all, required };
}
