/**
 * Whether a schema is within what providers can constrain their output to: an object at the top,
 * every object closed and with all of its properties required, and none of the keywords that they
 * do not know. A provider refuses a stricter promise than it can keep.
 */
type Schema = Readonly<Record<string, unknown>>;

const KEYWORDS = new Set([
  '$schema',
  '$ref',
  '$defs',
  'definitions',
  'title',
  'description',
  'type',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'enum',
  'const',
  'anyOf',
]);

export const isStrictSchema = (schema: Schema): boolean =>
  schema['type'] === 'object' && isStrict(schema);

function isStrict(schema: unknown): boolean {
  if (!isObject(schema)) return false;
  if (!Object.keys(schema).every((keyword) => KEYWORDS.has(keyword))) return false;
  const { type, properties, required, additionalProperties, items, anyOf, $defs, definitions } =
    schema;
  const types = [type ?? []].flat();
  if (types.includes('object') || properties !== undefined) {
    const names = Object.keys(isObject(properties) ? properties : {});
    const isClosed = additionalProperties === false;
    if (!isClosed || !names.every((name) => [required].flat().includes(name))) return false;
  }
  if (types.includes('array') && items === undefined) return false;
  const inner = [properties, $defs, definitions].flatMap((of) =>
    isObject(of) ? Object.values(of) : [],
  );
  const listed = [anyOf ?? []].flat();
  return [...inner, ...listed, ...(items === undefined ? [] : [items])].every(isStrict);
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
