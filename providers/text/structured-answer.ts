/**
 * A structured answer: the JSON in a text, and whether it conforms to the schema that was asked
 * for. `format` is an annotation, as draft 2020-12 has it by default.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { storable } from './storable.js';
import type { ResponseFormat } from './request.js';

/** The value, or what is wrong with the text, for operators. */
export function structuredAnswer(
  text: string,
  format: Exclude<ResponseFormat, { readonly type: 'text' }>,
): { readonly json: unknown } | { readonly problem: string } {
  const parsed = jsonIn(text);
  const json = parsed && storable(parsed.value);
  if (!json) return { problem: 'the answer is no JSON' };
  if (format.type === 'json') return { json: json.value };
  const validate = validatorFor(format.schema);
  if (!validate) return { problem: 'the schema of the answer cannot be compiled' };
  if (validate(json.value) === true) return { json: json.value };
  const [{ keyword = 'its schema' } = {}] = validate.errors ?? [];
  return { problem: `the answer does not match its schema: ${keyword}` };
}

function jsonIn(text: string): { readonly value: unknown } | undefined {
  const fenced = betweenFences(text.trim());
  for (const one of fenced === undefined ? [text] : [text, fenced])
    try {
      return { value: JSON.parse(one) as unknown };
    } catch {
      continue;
    }
  return undefined;
}

const FENCE = '```';

/**
 * Some models put a structured answer between fences, whatever they are told. In linear time: one
 * that is caught in blanks writes thousands of them.
 */
function betweenFences(text: string): string | undefined {
  const begin = text.indexOf('\n') + 1;
  if (begin === 0 || !text.startsWith(FENCE) || !text.endsWith(FENCE)) return undefined;
  const language = text.slice(FENCE.length, begin).trim().toLowerCase();
  return language === '' || language === 'json' ? text.slice(begin, -FENCE.length) : undefined;
}

/** Callers send the same schema again and again. */
const VALIDATORS_MAX = 64;

const known = new Map<string, ValidateFunction | undefined>();

/** Its cost was bounded when the execution was accepted (providers/catalogue/caller-schema.ts). */
function validatorFor(schema: Readonly<Record<string, unknown>>): ValidateFunction | undefined {
  const { $schema: _, ...rest } = schema;
  const text = JSON.stringify(rest);
  const validate = known.has(text) ? known.get(text) : compiled(rest);
  known.delete(text);
  known.set(text, validate);
  for (const oldest of known.keys()) {
    if (known.size <= VALIDATORS_MAX) break;
    known.delete(oldest);
  }
  return validate;
}

const options = { strict: false, validateFormats: false, validateSchema: false, meta: false };

function compiled(schema: Readonly<Record<string, unknown>>): ValidateFunction | undefined {
  if (schema['$async'] !== undefined) return undefined;
  try {
    return new Ajv2020({ ...options, logger: false }).compile(schema);
  } catch {
    return undefined;
  }
}
