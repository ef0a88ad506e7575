/**
 * A JSON Schema that a caller sends, to which an answer must conform. It is the caller's, so that
 * compiling it and checking an answer against it are bounded before it is accepted: so many parts,
 * counted where they are referred to too, no reference to itself, no costly pattern.
 */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { costProblems } from './schema-cost.js';

type Schema = Readonly<Record<string, unknown>>;

/** Compiling so many takes about 40 ms. */
const PARTS_MAX = 200;
const PARTS_REFERRED_MAX = 1_000;
const DEPTH_MAX = 32;
const BYTES_MAX = 32 * 1024;

/** Why it cannot be used, as the end of a sentence about it; undefined where it can. */
export function callerSchemaProblem(schema: unknown): string | undefined {
  if (!isObject(schema)) return 'must be an object';
  if (Buffer.byteLength(JSON.stringify(schema)) > BYTES_MAX)
    return `must have at most ${BYTES_MAX} bytes`;
  const { parts, problem } = partsOf(schema, 0);
  if (problem !== undefined) return problem;
  if (parts.length > PARTS_MAX) return `must have at most ${PARTS_MAX} parts`;
  return (
    keywordProblem(parts) ??
    patternProblem(parts) ??
    referenceProblem(schema, parts) ??
    costProblems('schema', schema)[0]?.replace(/^schema\.?/, '') ??
    formProblem(schema)
  );
}

/** A part is an object, of whatever keyword: more are counted than are schemas. */
function partsOf(value: unknown, depth: number): { parts: readonly Schema[]; problem?: string } {
  if (depth > DEPTH_MAX) return { parts: [], problem: `must be nested at most ${DEPTH_MAX} deep` };
  const parts: Schema[] = isObject(value) ? [value] : [];
  if (typeof value !== 'object' || value === null) return { parts };
  for (const [keyword, inner] of Object.entries(value)) {
    if (!Array.isArray(value) && VALUES.has(keyword)) continue;
    const found = partsOf(inner, depth + 1);
    if (found.problem !== undefined) return found;
    parts.push(...found.parts);
    if (parts.length > PARTS_MAX) break;
  }
  return { parts };
}

/** Keywords that hold values, which are no schemas whatever they look like. */
const VALUES = new Set(['const', 'default', 'enum', 'examples']);

/** What the validator makes something else of, or cannot compile: `$async` makes a promise. */
function keywordProblem(parts: readonly Schema[]): string | undefined {
  if (parts.some((part) => typeof part['$async'] === 'boolean')) return 'must not have $async';
  if (parts.some(({ nullable, type }) => nullable === true && type === undefined))
    return "has 'nullable' without a type";
  if (parts.some((part) => Array.isArray(part['enum']) && part['enum'].length === 0))
    return 'has an enum of nothing';
  return undefined;
}

function patternProblem(parts: readonly Schema[]): string | undefined {
  for (const { pattern, patternProperties } of parts) {
    const names = isObject(patternProperties) ? Object.keys(patternProperties) : [];
    for (const one of typeof pattern === 'string' ? [pattern, ...names] : names)
      if (!isRegExp(one)) return 'has a pattern that is no regular expression';
  }
  return undefined;
}

function isRegExp(pattern: string): boolean {
  try {
    return Boolean(new RegExp(pattern, 'u'));
  } catch {
    return false;
  }
}

/** What would make a schema depend on where it is, or on another one. */
const NAMING = [
  '$id',
  'id',
  '$anchor',
  '$dynamicAnchor',
  '$dynamicRef',
  '$recursiveRef',
  '$vocabulary',
];

function referenceProblem(schema: Schema, parts: readonly Schema[]): string | undefined {
  const naming = NAMING.find((keyword) => parts.some((part) => typeof part[keyword] === 'string'));
  if (naming !== undefined) return `must not have ${naming}`;
  const count = referredParts(schema, schema, new Map());
  if (typeof count === 'string') return count;
  return count > PARTS_REFERRED_MAX
    ? `must have at most ${PARTS_REFERRED_MAX} parts, those that are referred to counted each time`
    : undefined;
}

/** With each reference replaced by what it refers to; or what is wrong with one. */
function referredParts(
  root: Schema,
  value: unknown,
  known: Map<string, number | 'open'>,
): number | string {
  if (typeof value !== 'object' || value === null) return 0;
  let count = isObject(value) ? 1 : 0;
  for (const [keyword, inner] of Object.entries(value)) {
    if (!Array.isArray(value) && (VALUES.has(keyword) || DEFINITIONS.has(keyword))) continue;
    const isReference = keyword === '$ref' && typeof inner === 'string';
    const found = isReference ? referred(root, inner, known) : referredParts(root, inner, known);
    if (typeof found === 'string') return found;
    count += found;
  }
  return count;
}

/** They count where they are referred to. */
const DEFINITIONS = new Set(['$defs', 'definitions']);

function referred(root: Schema, ref: string, known: Map<string, number | 'open'>) {
  const before = known.get(ref);
  if (before === 'open' || ref === '#') return 'must not refer to itself';
  if (before !== undefined) return before;
  const [, where = '', name = ''] = /^#\/(\$defs|definitions)\/([\w.-]{1,128})$/.exec(ref) ?? [];
  const definitions = root[where];
  const target = isObject(definitions) && Object.hasOwn(definitions, name) && definitions[name];
  if (!isObject(target)) return 'has a $ref to something else than one of its $defs';
  known.set(ref, 'open');
  const count = referredParts(root, target, known);
  if (typeof count === 'number') known.set(ref, count);
  return count;
}

let metaSchema: Ajv2020 | undefined;

/** A keyword with a value that it cannot have. Opened once, for those who need it. */
function formProblem(schema: Schema): string | undefined {
  metaSchema ??= new Ajv2020({ strict: false, logger: false });
  const { $schema: _, ...rest } = schema;
  if (metaSchema.validateSchema(rest) === true) return undefined;
  const [first] = metaSchema.errors ?? [];
  const place = first?.instancePath.split('/').at(-1)?.slice(0, 64);
  return place
    ? `is no JSON Schema (draft 2020-12): ${place}`
    : 'is no JSON Schema (draft 2020-12)';
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
