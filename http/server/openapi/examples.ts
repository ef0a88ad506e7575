/**
 * An example of a schema: its own, or one that is made of those of its parts. A text that says
 * neither an example nor what it may be has none, and whoever asks is told where.
 */
import type { JsonSchema } from '../route.js';

/** `places`: paths of the parts that have no example; a spec holds that there are none. */
export interface Example {
  readonly value: unknown;
  readonly places: readonly string[];
}

export function exampleOf(schema: JsonSchema, place = ''): Example {
  const [own] = (schema['examples'] ?? []) as unknown[];
  if (own !== undefined) return { value: own, places: [] };
  for (const keyword of ['const', 'default'])
    if (schema[keyword] !== undefined) return { value: schema[keyword], places: [] };
  const [choice] = (schema['enum'] ?? schema['oneOf'] ?? schema['anyOf'] ?? []) as unknown[];
  if (choice !== undefined)
    return 'enum' in schema
      ? { value: choice, places: [] }
      : exampleOf(choice as JsonSchema, `${place}(0)`);
  const types = [schema['type'] ?? 'any'].flat() as string[];
  if (types.includes('null')) return { value: null, places: [] };
  switch (types[0] ?? 'any') {
    case 'object':
      return exampleOfObject(schema, place);
    case 'array':
      return exampleOfList(schema, place);
    case 'integer':
    case 'number':
      return { value: schema['minimum'] ?? schema['exclusiveMinimum'] ?? 0, places: [] };
    case 'boolean':
      return { value: true, places: [] };
    default:
      return { value: 'text', places: types[0] === 'string' ? [place] : [] };
  }
}

function exampleOfObject(schema: JsonSchema, place: string): Example {
  const properties = (schema['properties'] ?? {}) as Record<string, JsonSchema>;
  const required = (schema['required'] ?? []) as string[];
  const entries = Object.entries(properties)
    .filter(([name, part]) => required.includes(name) || 'examples' in part)
    .map(([name, part]) => [name, exampleOf(part, `${place}.${name}`)] as const);
  return {
    value: Object.fromEntries(entries.map(([name, { value }]) => [name, value])),
    places: entries.flatMap(([, { places }]) => places),
  };
}

function exampleOfList(schema: JsonSchema, place: string): Example {
  const items = schema['items'] as JsonSchema | undefined;
  if (!items) return { value: [], places: [] };
  const { value, places } = exampleOf(items, `${place}[]`);
  return { value: [value], places };
}
