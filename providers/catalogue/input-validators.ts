/**
 * Validators of canonical inputs, compiled from the models' own schemas (strict, draft 2020-12, the
 * formats of ajv-formats and `file-id`). A compilation takes milliseconds, and a large catalogue
 * has few schemas that differ: there is one validator for each text of a schema, over all models
 * and the versions of the catalogue that follow each other. What explains a refusal is compiled
 * when the first input is refused.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { ErrorDetail } from '../../contracts/error-codes.js';
import { isId } from '../../contracts/ids.js';
import { openRecentMap, type RecentMap } from '../../infra/recent-map.js';
import { callerSchemaProblem } from './caller-schema.js';
import { detailsOf } from './input-errors.js';

type Input = Readonly<Record<string, unknown>>;
type Schema = Readonly<Record<string, unknown>>;

export type CompileInput = (schema: Schema) => { readonly problem?: string };

/** Tells why a schema cannot be used. */
export function compilerOfInputs(): CompileInput {
  let ajv: Ajv2020 | undefined;
  return (schema) => {
    const text = JSON.stringify(schema);
    if (quick.get(text)) return {};
    try {
      ajv ??= openAjv({ allErrors: false, validateSchema: true });
      quick.set(text, ajv.compile(schema), 1);
      return {};
    } catch (error) {
      return { problem: (error as Error).message };
    }
  };
}

/** The quick check: it stops at the first violation. */
export function validatorOf(model: Model): ValidateFunction {
  return remembered(ofModel, quick, model, { allErrors: false, validateSchema: false });
}

/** An input of more values than this is refused for its first violation alone. */
const VALUES_EXPLAINED_MAX = 500;

/** Nothing when the input suits the model; else at most 20 reasons, fields named `input.…`. */
export function validateInput(model: Model, input: Input): ErrorDetail[] {
  const validate = validatorOf(model);
  if (validate(input)) return answerSchemaDetails(input);
  if (!fewValues(input)) return detailsOf(validate.errors ?? []);
  const explain = remembered(explaining, thorough, model, {
    allErrors: true,
    validateSchema: false,
  });
  explain(input);
  return detailsOf(explain.errors ?? validate.errors ?? []);
}

/** A schema that the caller gives for the answer is checked when it is accepted, not after. */
function answerSchemaDetails({ response_format: format }: Input): ErrorDetail[] {
  if (typeof format !== 'object' || format === null) return [];
  const { type, schema, json_schema: nested } = format as Input;
  if (type !== 'json_schema') return [];
  const given = schema ?? (nested as Input | undefined)?.['schema'];
  const problem = callerSchemaProblem(given);
  if (problem === undefined) return [];
  return [{ field: 'input.response_format.schema', code: 'schema', message: problem }];
}

/** By the text of a schema: more than any catalogue has. */
const SCHEMAS_MAX = 10_000;

type ByText = RecentMap<string, ValidateFunction>;

const quick: ByText = openRecentMap({ costMax: SCHEMAS_MAX, entriesMax: SCHEMAS_MAX });
const thorough: ByText = openRecentMap({ costMax: SCHEMAS_MAX, entriesMax: SCHEMAS_MAX });

/** The same by model, so that an input costs one look-up. */
type ByModel = WeakMap<Model, ValidateFunction>;

const ofModel: ByModel = new WeakMap();
const explaining: ByModel = new WeakMap();

interface AjvOptions {
  readonly allErrors: boolean;
  /** Costs a compilation of the meta-schema; done once, when the catalogue is read. */
  readonly validateSchema: boolean;
}

function remembered(
  known: ByModel,
  byText: ByText,
  model: Model,
  options: AjvOptions,
): ValidateFunction {
  const one = known.get(model);
  if (one) return one;
  const text = JSON.stringify(model.inputSchema);
  const validate = byText.get(text) ?? openAjv(options).compile(model.inputSchema);
  byText.set(text, validate, 1);
  known.set(model, validate);
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
