/** Schemas with a `title` become named components, so that the document says each of them once. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonSchema } from '../route.js';

export interface Components {
  readonly schemas: Readonly<Record<string, JsonSchema>>;
  /** The schema, with every titled one in it (and itself, when titled) replaced by a reference. */
  reference(schema: JsonSchema): JsonSchema;
}

/** Keywords whose value is one schema, a list of schemas, or a map of schemas by name. */
const ONE = new Set(['items', 'additionalProperties', 'propertyNames', 'not', 'contains']);
const LIST = new Set(['oneOf', 'anyOf', 'allOf', 'prefixItems']);
const MAP = new Set(['properties', 'patternProperties', '$defs']);

export function openComponents(): Components {
  const schemas: Record<string, JsonSchema> = {};
  const reference = (schema: JsonSchema): JsonSchema => {
    const { title } = schema;
    const inner = inside(schema, reference);
    if (typeof title !== 'string') return inner;
    const known = schemas[title];
    if (known && !isDeepStrictEqual(known, inner))
      throw new Error(`two different schemas have the title ${title}`);
    schemas[title] = inner;
    return { $ref: `#/components/schemas/${title}` };
  };
  return { schemas, reference };
}

function inside(schema: JsonSchema, reference: (schema: JsonSchema) => JsonSchema): JsonSchema {
  const entries = Object.entries(schema).map(([keyword, value]): [string, unknown] => {
    if (ONE.has(keyword) && isSchema(value)) return [keyword, reference(value)];
    if (LIST.has(keyword)) return [keyword, (value as JsonSchema[]).map(reference)];
    if (!MAP.has(keyword)) return [keyword, value];
    const named = Object.entries(value as Record<string, JsonSchema>);
    return [keyword, Object.fromEntries(named.map(([name, one]) => [name, reference(one)]))];
  });
  return Object.fromEntries([...entries, ...(isFree(schema) ? [ANYTHING] : [])]);
}

/** Generators take an object of which nothing is said for one that is empty. */
const isFree = ({ type, properties, additionalProperties, patternProperties }: JsonSchema) =>
  [type].flat().includes('object') &&
  [properties, additionalProperties, patternProperties].every((part) => part === undefined);

const ANYTHING: [string, unknown] = ['additionalProperties', true];

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null;
