/** The small vocabulary in which event schemas are written (JSON Schema 2020-12). */
import { idPattern, type IdPrefix } from '../ids.js';
import { MONEY_PATTERN } from '../money.js';
import type { EventSchema } from './envelope.js';

type Part = Readonly<Record<string, unknown>>;

/** Lengths are bounded where texts come in: counting them again for each event costs a pass. */
export const text: Part = { type: 'string' };
export const count: Part = { type: 'integer', minimum: 0 };
export const flag: Part = { type: 'boolean' };
export const timestamp: Part = {
  type: 'string',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
};
export const money: Part = { type: 'string', pattern: MONEY_PATTERN, format: 'money' };
export const anything: Part = {};
export const id = (prefix: IdPrefix): Part => ({ type: 'string', pattern: idPattern(prefix) });
export const oneOf = (...values: string[]): Part => ({ enum: values });
export const listOf = (items: Part): Part => ({ type: 'array', items, maxItems: 1000 });
export const record = (fields: Record<string, Part>): Part => {
  const { all, required } = split(fields);
  return { type: 'object', properties: all, required, additionalProperties: false };
};

/** Where a payload lies: prompts and outputs are never in events. */
export const payloadRef = record({
  ref: text,
  sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  bytes: count,
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
