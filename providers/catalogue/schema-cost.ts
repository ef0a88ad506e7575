/**
 * What a JSON Schema may cost to check: a caller chooses the value, so that no schema may take more
 * than linear time over it. The bounds are conservative: a pattern that would be quick after all is
 * let through once its string has a `maxLength`.
 */
import { patternCost } from './pattern-cost.js';

type Schema = Readonly<Record<string, unknown>>;

/** The longest string of a body, which is what a string without `maxLength` may be. */
const TEXT_LENGTH_MAX = 1024 * 1024;
/** Steps of a matcher in about 10 ms. */
const STEPS_MAX = 10_000_000;
/** So many items of any kind are compared with each other in no time. */
const COMPARED_ITEMS_MAX = 64;

const SCALARS = new Set(['string', 'number', 'integer', 'boolean', 'null']);

/** Sentences that begin with the place they are about; empty for a schema that is always quick. */
export function costProblems(place: string, schema: unknown): string[] {
  if (Array.isArray(schema))
    return schema.flatMap((one, index) => costProblems(`${place}[${index}]`, one));
  if (typeof schema !== 'object' || schema === null) return [];
  const own = schema as Schema;
  const patterns = Object.keys(own['patternProperties'] ?? {});
  return [
    ...uniqueItemsProblems(place, own),
    ...patternProblems(`${place}.pattern`, own['pattern'], own['maxLength']),
    ...patterns.flatMap((one) => patternProblems(`${place}.patternProperties`, one, undefined)),
    ...Object.entries(own)
      .filter(([keyword]) => !VALUES.has(keyword))
      .flatMap(([keyword, part]) => costProblems(`${place}.${keyword}`, part)),
  ];
}

/** Keywords that hold values, which are no schemas whatever they look like. */
const VALUES = new Set(['const', 'default', 'enum', 'examples']);

function uniqueItemsProblems(place: string, schema: Schema): string[] {
  const { uniqueItems, items, maxItems = Infinity } = schema;
  if (uniqueItems !== true || Number(maxItems) <= COMPARED_ITEMS_MAX) return [];
  const types = [(items as Schema | undefined)?.['type'] ?? []].flat() as string[];
  if (types.length > 0 && types.every((type) => SCALARS.has(type))) return [];
  return [
    `${place}.uniqueItems: compares every item with every other: give 'items' a type that is ` +
      `neither object nor array, or the list a maxItems of at most ${COMPARED_ITEMS_MAX}`,
  ];
}

function patternProblems(place: string, pattern: unknown, lengthMax: unknown): string[] {
  if (typeof pattern !== 'string') return [];
  const { isNested, degree } = patternCost(pattern);
  if (isNested)
    return [`${place}: repeats a part that repeats something itself, which may take for ever`];
  const length = typeof lengthMax === 'number' ? lengthMax : TEXT_LENGTH_MAX;
  if (length ** degree <= STEPS_MAX) return [];
  const allowed = Math.floor(STEPS_MAX ** (1 / degree));
  return [`${place}: may take long: give the string a maxLength of at most ${allowed}`];
}
