/** A value that a JSON Schema allows, with words of a prompt where it wants text. */
type Schema = Readonly<Record<string, unknown>>;

const DEPTH_MAX = 16;

export function sampleOf(schema: Schema, prompt: string): unknown {
  return sample(schema, { root: schema, word: wordOf(prompt), depth: 0 });
}

interface Within {
  readonly root: Schema;
  readonly word: string;
  readonly depth: number;
}

function sample(given: unknown, within: Within): unknown {
  const schema = isObject(given) ? referred(given, within.root) : {};
  const { const: only, enum: listed, anyOf, oneOf, allOf } = schema;
  if (only !== undefined) return only;
  if (Array.isArray(listed)) return listed[0] as unknown;
  const inner = { ...within, depth: within.depth + 1 };
  for (const choice of [anyOf, oneOf, allOf])
    if (Array.isArray(choice) && inner.depth < DEPTH_MAX) return sample(choice[0], inner);
  const [type = schema['properties'] ? 'object' : 'string'] = [schema['type'] ?? []].flat();
  switch (type) {
    case 'object':
      return objectOf(schema, inner);
    case 'array':
      return Array.from({ length: Math.max(1, countOf(schema['minItems'])) }, () =>
        sample(schema['items'], inner),
      );
    case 'integer':
    case 'number':
      return numberOf(schema);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return textOf(schema, within.word);
  }
}

function objectOf({ properties }: Schema, inner: Within): unknown {
  const named = isObject(properties) && inner.depth < DEPTH_MAX ? Object.entries(properties) : [];
  return Object.fromEntries(named.map(([name, part]) => [name, sample(part, inner)]));
}

function numberOf({ minimum, exclusiveMinimum, maximum }: Schema): number {
  if (typeof minimum === 'number') return minimum;
  if (typeof exclusiveMinimum === 'number') return exclusiveMinimum + 1;
  return typeof maximum === 'number' ? Math.min(1, maximum) : 1;
}

function textOf({ minLength, maxLength }: Schema, word: string): string {
  const least = word.padEnd(countOf(minLength), '.');
  return typeof maxLength === 'number' ? least.slice(0, maxLength) : least;
}

const countOf = (value: unknown): number => (typeof value === 'number' ? value : 0);

function referred(schema: Schema, root: Schema): Schema {
  const [, where = '', name = ''] =
    /^#\/(\$defs|definitions)\/([\w.-]+)$/.exec(String(schema['$ref'])) ?? [];
  const definitions = root[where];
  const target = isObject(definitions) ? definitions[name] : undefined;
  return isObject(target) ? target : schema;
}

/** The last name in it (Oslo), else its first words. */
function wordOf(prompt: string): string {
  const names = prompt.slice(1, 1_000).match(/(?<=\s)\p{Lu}\p{L}+/gu);
  return names?.at(-1) ?? (prompt.slice(0, 40).trim() || 'something');
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
