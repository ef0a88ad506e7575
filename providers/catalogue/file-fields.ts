/**
 * Where an input names files: the fields of format `file-id` in the model's schema. The schema is
 * walked once, when the catalogue is loaded; most have no such field, and cost an input nothing.
 */
import type { Model } from '../../contracts/catalogue/catalogue.js';

export interface FileReference {
  readonly field: string;
  readonly id: string;
}

type Input = Readonly<Record<string, unknown>>;
type Schema = Readonly<Record<string, unknown>>;

/** At one place of an input: whether a file may be named there, and where below it. */
interface FileFields {
  readonly isFile: boolean;
  readonly properties: readonly (readonly [name: string, fields: FileFields])[];
  readonly items: FileFields | undefined;
}

const NONE: readonly FileReference[] = [];

/** The files that a valid input names, each field once. */
export function filesIn(model: Model, input: Input): readonly FileReference[] {
  const fields = fileFieldsOf(model);
  return fields ? filesAt(fields, input, 'input') : NONE;
}

const known = new WeakMap<Model, { readonly fields: FileFields | undefined }>();

/** Undefined when the model takes no file. */
export function fileFieldsOf(model: Model): FileFields | undefined {
  let found = known.get(model);
  if (!found) known.set(model, (found = { fields: fieldsIn([model.inputSchema]) }));
  return found.fields;
}

function filesAt(
  { isFile, properties, items }: FileFields,
  value: unknown,
  field: string,
): readonly FileReference[] {
  if (typeof value === 'string') return isFile ? [{ field, id: value }] : NONE;
  if (Array.isArray(value))
    return items ? value.flatMap((one, i) => filesAt(items, one, `${field}[${i}]`)) : NONE;
  if (typeof value !== 'object' || value === null) return NONE;
  return properties.flatMap(([name, below]) =>
    Object.hasOwn(value, name) ? filesAt(below, (value as Input)[name], `${field}.${name}`) : NONE,
  );
}

/** Of all schemas that may hold at one place. */
function fieldsIn(schemas: readonly unknown[]): FileFields | undefined {
  const all = schemas.flatMap(withBranches);
  if (all.length === 0) return undefined;
  const isFile = all.some(({ format }) => format === 'file-id');
  const items = fieldsIn(all.flatMap((one) => (one['items'] === undefined ? [] : [one['items']])));
  const named = new Map<string, unknown[]>();
  for (const { properties } of all)
    for (const [name, part] of Object.entries((properties ?? {}) as Schema))
      named.set(name, [...(named.get(name) ?? []), part]);
  const properties = [...named].flatMap(([name, parts]) => {
    const below = fieldsIn(parts);
    return below ? [[name, below] as const] : [];
  });
  return isFile || items || properties.length > 0 ? { isFile, properties, items } : undefined;
}

/** Whatever branch holds: a file is called for where any of them calls for one. */
function withBranches(schema: unknown): readonly Schema[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const one = schema as Schema;
  const branches = [one['then'], one['else'], one['anyOf'], one['oneOf'], one['allOf']].flat();
  return [...branches.flatMap(withBranches), one];
}
