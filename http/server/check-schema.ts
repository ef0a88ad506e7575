/** Bodies and queries against their JSON Schemas, compiled once; what is wrong by field. */
import type { ErrorObject, Options, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ErrorDetail } from '../../contracts/error-codes.js';
import {
  violatedField,
  violationCode,
  violationMessage,
} from '../../contracts/http/schema-violations.js';
import type { JsonSchema } from './route.js';

/**
 * No detail at all when the value, which came as a text of so many bytes, is fine. May fill in
 * defaults where it was made to.
 */
export type Check = (value: unknown, bytes: number) => readonly ErrorDetail[];

const DETAILS_MAX = 20;
/** A larger value is refused for its first violation alone: to find all costs more than to read. */
const EXPLAINED_BYTES_MAX = 64 * 1024;
const FINE: readonly ErrorDetail[] = [];

/**
 * The schemas are those of our own routes, of which a spec knows that they are ones: to check each
 * against the meta-schema would take longer than to compile it.
 */
const OUR_SCHEMA = { strict: false, validateSchema: false, meta: false, verbose: true } as const;

/** Each check is compiled when it is first needed: a process starts with a hundred routes. */
const compiler = (schema: JsonSchema, options: Options = {}) => {
  let compiled: ValidateFunction | undefined;
  return () => (compiled ??= new Ajv2020({ ...OUR_SCHEMA, ...options }).compile(schema));
};

export function bodyCheck(schema: JsonSchema): Check {
  const quickly = compiler(schema);
  const thoroughly = compiler(schema, { allErrors: true });
  return (value, bytes) => {
    const quick = quickly();
    if (quick(value)) return FINE;
    if (bytes > EXPLAINED_BYTES_MAX) return detailsOf(quick.errors, 'body');
    const thorough = thoroughly();
    thorough(value);
    return detailsOf(thorough.errors, 'body');
  };
}

/**
 * Query parameters arrive as text: they are brought to the schema's types in place. A query is no
 * longer than the head of a request, so that all of it is explained.
 */
export function queryCheck(schema: JsonSchema): Check {
  const typed = compiler(schema, { allErrors: true, coerceTypes: true, useDefaults: true });
  return (value) => {
    const validate = typed();
    return validate(value) ? FINE : detailsOf(validate.errors, 'query');
  };
}

const detailsOf = (errors: ErrorObject[] | null | undefined, whole: string): ErrorDetail[] =>
  (errors ?? []).slice(0, DETAILS_MAX).map((error) => detailOf(error, whole));

/** Field names are written as callers write them: `metadata.order`, `fallback_models[0]`. */
const detailOf = (error: ErrorObject, whole: string): ErrorDetail => ({
  field: violatedField(error) || whole,
  code: violationCode(error),
  message: violationMessage(error, ''),
});
