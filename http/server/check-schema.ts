/** Bodies and queries against their JSON Schemas, compiled once; what is wrong by field. */
import type { ErrorObject } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ErrorDetail } from '../../contracts/error-codes.js';
import type { JsonSchema } from './route.js';

/** No detail at all when the value is fine. May fill in defaults where it was made to. */
export type Check = (value: unknown) => readonly ErrorDetail[];

const DETAILS_MAX = 20;
const FINE: readonly ErrorDetail[] = [];

export function bodyCheck(schema: JsonSchema): Check {
  return checkOf(new Ajv2020({ allErrors: true, strict: false }), schema, 'body');
}

/** Query parameters arrive as text: they are brought to the schema's types in place. */
export function queryCheck(schema: JsonSchema): Check {
  const ajv = new Ajv2020({ allErrors: true, strict: false, coerceTypes: true, useDefaults: true });
  return checkOf(ajv, schema, 'query');
}

function checkOf(ajv: Ajv2020, schema: JsonSchema, whole: string): Check {
  const validate = ajv.compile(schema);
  return (value) => {
    if (validate(value)) return FINE;
    return (validate.errors ?? []).slice(0, DETAILS_MAX).map((error) => detailOf(error, whole));
  };
}

/** Field names are written with dots, as callers write them: `metadata.order`. */
function detailOf(error: ErrorObject, whole: string): ErrorDetail {
  const { keyword, instancePath, message = 'is not valid' } = error;
  const params = error.params as Record<string, unknown>;
  const path = instancePath.split('/').slice(1).map(unescaped);
  const field = path.join('.') || whole;
  switch (keyword) {
    case 'required':
      path.push(String(params['missingProperty']));
      return { field: path.join('.'), code: 'required', message: 'is required' };
    case 'additionalProperties':
      path.push(String(params['additionalProperty']).slice(0, 64));
      return {
        field: path.join('.'),
        code: 'additional_properties',
        message: 'is not a known field',
      };
    case 'propertyNames':
    case 'pattern':
      return { field, code: snakeCase(keyword), message: 'has the wrong form' };
    default:
      return { field, code: snakeCase(keyword), message };
  }
}

const snakeCase = (keyword: string): string =>
  keyword.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const unescaped = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');
