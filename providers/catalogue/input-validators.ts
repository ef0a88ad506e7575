/**
 * Validators of canonical inputs, compiled from the models' own schemas (strict, draft 2020-12, the
 * formats of ajv-formats and `file-id`). One per model and catalogue version: a new version brings
 * new `Model` objects, and the validators of the old ones go with them.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { ErrorDetail } from '../../contracts/error-codes.js';
import { isId } from '../../contracts/ids.js';
import { detailsOf } from './input-errors.js';

type Input = Readonly<Record<string, unknown>>;
type Schema = Readonly<Record<string, unknown>>;

export type CompileInput = (schema: Schema) => { readonly problem?: string };

/** Tells why a schema cannot be used, without keeping what it compiles. */
export function compilerOfInputs(): CompileInput {
  const ajv = openAjv({ allErrors: false, validateSchema: true });
  return (schema) => {
    try {
      ajv.compile(schema);
      return {};
    } catch (error) {
      return { problem: (error as Error).message };
    }
  };
}

/** The quick check: it stops at the first violation. */
export function validatorOf(model: Model): ValidateFunction {
  return remembered(quick, model, { allErrors: false, validateSchema: false });
}

/** An input of more values than this is refused for its first violation alone. */
const VALUES_EXPLAINED_MAX = 500;

/** Nothing when the input suits the model; else at most 20 reasons, fields named `input.…`. */
export function validateInput(model: Model, input: Input): ErrorDetail[] {
  const validate = validatorOf(model);
  if (validate(input)) return [];
  if (!fewValues(input)) return detailsOf(validate.errors ?? []);
  const explain = remembered(thorough, model, { allErrors: true, validateSchema: false });
  explain(input);
  return detailsOf(explain.errors ?? validate.errors ?? []);
}

interface FileReference {
  readonly field: string;
  readonly id: string;
}

/** The files that a valid input names, where the model's schema calls for a `file-id`. */
export function filesIn(model: Model, input: Input): FileReference[] {
  return filesUnder(model.inputSchema, input, 'input');
}

function filesUnder(schema: unknown, value: unknown, field: string): FileReference[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { format, properties, items } = schema as Schema;
  if (typeof value === 'string') return format === 'file-id' ? [{ field, id: value }] : [];
  if (Array.isArray(value))
    return items ? value.flatMap((one, i) => filesUnder(items, one, `${field}[${i}]`)) : [];
  if (typeof value !== 'object' || value === null || typeof properties !== 'object') return [];
  return Object.entries(properties as Schema).flatMap(([name, part]) =>
    Object.hasOwn(value, name) ? filesUnder(part, (value as Input)[name], `${field}.${name}`) : [],
  );
}

type Remembered = WeakMap<Model, ValidateFunction>;

const quick: Remembered = new WeakMap();
const thorough: Remembered = new WeakMap();

interface AjvOptions {
  readonly allErrors: boolean;
  /** Costs a compilation of the meta-schema; done once, when the catalogue is read. */
  readonly validateSchema: boolean;
}

function remembered(known: Remembered, model: Model, options: AjvOptions): ValidateFunction {
  let validate = known.get(model);
  if (!validate) known.set(model, (validate = openAjv(options).compile(model.inputSchema)));
  return validate;
}

function openAjv(options: AjvOptions): Ajv2020 {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, verbose: true, ...options });
  addFormats.default(ajv);
  ajv.addFormat('file-id', { type: 'string', validate: (text: string) => isId('file', text) });
  return ajv;
}

function fewValues(input: Input): boolean {
  const open: unknown[] = [input];
  let seen = 0;
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    const parts = Object.values(value);
    seen += parts.length;
    if (seen > VALUES_EXPLAINED_MAX) return false;
    for (const part of parts) if (part !== undefined) open.push(part);
  }
  return true;
}
