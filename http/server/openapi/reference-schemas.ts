/** Reads JSON Schemas for the reference page: their fields in rows, and an example value. */
import type { JsonSchema } from '../route.js';

export type Schemas = Readonly<Record<string, JsonSchema>>;

export interface Field {
  /** `data[].id` */
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
}

const DEPTH_MAX = 5;

export function fieldsOf(schema: JsonSchema, schemas: Schemas, prefix = '', depth = 0): Field[] {
  const { properties = {}, required = [] } = resolved(schema, schemas) as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).flatMap(([name, given]) => {
    const field = resolved(given, schemas);
    const path = `${prefix}${name}`;
    const description = [field['description'], limitsOf(field)].filter(Boolean).join(' ');
    const row = { path, type: typeOf(field), required: required.includes(name), description };
    if (depth >= DEPTH_MAX) return [row];
    const items = field['items'] as JsonSchema | undefined;
    const inner = items
      ? fieldsOf(items, schemas, `${path}[].`, depth + 1)
      : fieldsOf(field, schemas, `${path}.`, depth + 1);
    return [row, ...inner];
  });
}

/** The schema's own example, or one made of the examples of its parts. */
export function exampleOf(given: JsonSchema, schemas: Schemas): unknown {
  const schema = resolved(given, schemas);
  const [example] = (schema['examples'] as unknown[] | undefined) ?? [];
  if (example !== undefined) return example;
  if (schema['default'] !== undefined) return schema['default'];
  const [first] = (schema['enum'] as unknown[] | undefined) ?? [];
  if (first !== undefined) return first;
  switch ([schema['type']].flat()[0]) {
    case 'object': {
      const properties = Object.entries((schema['properties'] ?? {}) as Schemas);
      return Object.fromEntries(properties.map(([name, one]) => [name, exampleOf(one, schemas)]));
    }
    case 'array':
      return schema['items'] ? [exampleOf(schema['items'] as JsonSchema, schemas)] : [];
    case 'integer':
    case 'number':
      return schema['minimum'] ?? 0;
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return [schema['type']].flat().includes('null') ? null : '…';
  }
}

function resolved(schema: JsonSchema, schemas: Schemas): JsonSchema {
  const { $ref: reference } = schema;
  if (typeof reference !== 'string') return schema;
  return schemas[reference.slice(reference.lastIndexOf('/') + 1)] ?? schema;
}

function typeOf(schema: JsonSchema): string {
  const { type = 'any', items } = schema as { type?: string | string[]; items?: JsonSchema };
  const { type: inner = 'object' } = (items ?? {}) as { type?: string };
  return [type]
    .flat()
    .map((one) => (one === 'array' && items ? `array of ${inner}` : one))
    .join(' or ');
}

interface Limits {
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly default?: string | number;
}

/** What a value is held to, in a sentence or two. */
export function limitsOf(schema: JsonSchema): string {
  const { minimum, maximum, maxLength, enum: values, default: usual } = schema as Limits;
  const parts = [
    values !== undefined && `One of ${values.map((one) => `\`${one}\``).join(', ')}.`,
    minimum !== undefined && maximum !== undefined && `From ${minimum} to ${maximum}.`,
    maxLength !== undefined && `At most ${maxLength} characters.`,
    usual !== undefined && `\`${usual}\` unless given.`,
  ];
  return parts.filter(Boolean).join(' ');
}
