/** Violations of a model's schema in an API's words: field, code, sentence; never the value. */
import type { ErrorObject } from 'ajv/dist/2020.js';
import type { ErrorDetail } from '../../contracts/error-codes.js';

const DETAILS_MAX = 20;
const FIELD_LENGTH_MAX = 200;

/** `errors` come from an Ajv with `verbose`. */
export function detailsOf(errors: readonly ErrorObject[]): ErrorDetail[] {
  const choices = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf');
  const shown = errors.filter(
    (error) =>
      // Of a condition, what its branch says.
      error.keyword !== 'if' &&
      !choices.some((choice) => error !== choice && isBranchOf(error, choice)),
  );
  const details = new Map<string, ErrorDetail>();
  for (const detail of shown.map(detailOf)) {
    const sameOne = `${detail.field} ${detail.code}`;
    if (!details.has(sameOne)) details.set(sameOne, detail);
    if (details.size === DETAILS_MAX) break;
  }
  return [...details.values()];
}

/** What one branch of a choice lacks is no news: another branch may be the one that was meant. */
const isBranchOf = (error: ErrorObject, choice: ErrorObject): boolean =>
  error.schemaPath.startsWith(`${choice.schemaPath}/`) &&
  error.instancePath.startsWith(choice.instancePath);

function detailOf(error: ErrorObject): ErrorDetail {
  const { keyword, params, data } = error;
  const { missingProperty, additionalProperty, unevaluatedProperty, propertyName } =
    params as Record<string, string | undefined>;
  const inner = missingProperty ?? additionalProperty ?? unevaluatedProperty ?? propertyName;
  const path = fieldOf(error.instancePath);
  const field = shortened(inner === undefined ? path : `${path}.${inner}`);
  if (keyword === 'format' && isFileId(params) && looksLikeUrl(data))
    return { field, code: 'raw_url_not_allowed', message: RAW_URL };
  return { field, code: snakeCase(keyword), message: sentences(error) };
}

const RAW_URL = 'must be a file id (file_<uuid>), not a raw URL: upload the file and give its id';

const isFileId = (params: unknown): boolean =>
  (params as { format?: string } | null)?.format === 'file-id';

/** Any scheme, `data:` included, and the forms that a lenient fetcher would complete to one. */
const looksLikeUrl = (value: unknown): boolean =>
  typeof value === 'string' && /^\s*([a-z][a-z0-9+.-]*:|\/\/|www\.)/i.test(value);

/** `/messages/0/content` → `input.messages[0].content`. */
function fieldOf(instancePath: string): string {
  const steps = instancePath.split('/').slice(1);
  const names = steps.map((step) =>
    /^\d+$/.test(step) ? `[${step}]` : `.${step.replaceAll('~1', '/').replaceAll('~0', '~')}`,
  );
  return `input${names.join('')}`;
}

const shortened = (field: string): string =>
  field.length <= FIELD_LENGTH_MAX ? field : `${field.slice(0, FIELD_LENGTH_MAX - 1)}…`;

const snakeCase = (keyword: string): string =>
  keyword.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function sentences({ keyword, params, schema, message = 'is not valid' }: ErrorObject): string {
  const { limit, multipleOf, format } = params as Record<string, unknown>;
  const words: Readonly<Record<string, () => string>> = {
    required: () => 'is required',
    additionalProperties: () => 'is not a field of this model',
    unevaluatedProperties: () => 'is not a field of this model',
    propertyNames: () => 'is not an allowed name',
    type: () => `must be ${listed([schema].flat().map(kindOf))}`,
    enum: () => `must be one of ${(schema as unknown[]).map(String).join(', ')}`,
    const: () => `must be ${JSON.stringify(schema)}`,
    minimum: () => `must be at least ${limit}`,
    maximum: () => `must be at most ${limit}`,
    exclusiveMinimum: () => `must be greater than ${limit}`,
    exclusiveMaximum: () => `must be less than ${limit}`,
    multipleOf: () => `must be a multiple of ${multipleOf}`,
    minLength: () => (limit === 1 ? 'must not be empty' : `must have ${limit} or more characters`),
    maxLength: () => `must have at most ${limit} characters`,
    minItems: () => (limit === 1 ? 'must not be empty' : `must have ${limit} or more items`),
    maxItems: () => `must have at most ${limit} items`,
    uniqueItems: () => 'must not have the same item twice',
    pattern: () => 'does not have the required form',
    format: () =>
      format === 'file-id' ? 'must be a file id (file_<uuid>)' : `must be a ${format}`,
    anyOf: () => `must have ${choice(schema, 'at least one of')}`,
    oneOf: () => `must have ${choice(schema, 'exactly one of')}`,
  };
  return words[keyword]?.() ?? message;
}

function kindOf(type: unknown): string {
  const name = String(type);
  return /^[aeiou]/.test(name) ? `an ${name}` : name === 'null' ? name : `a ${name}`;
}

const listed = (kinds: readonly string[]): string => kinds.join(' or ');

/** A choice between fields names them; any other choice has no shorter words than its schema. */
function choice(schema: unknown, words: string): string {
  const branches = schema as readonly { required?: readonly string[] }[];
  if (branches.some(({ required }) => !required?.length)) return 'one of the allowed forms';
  return `${words} ${branches.map(({ required }) => required?.join(' with ')).join(', ')}`;
}
