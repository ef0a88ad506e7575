/** What ajv finds wrong with a value, in an API's words: field, code, sentence; never the value. */

/** An error of ajv, as far as it is read here. */
interface Violation {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly propertyName?: string;
  readonly message?: string;
  readonly schema?: unknown;
  readonly parentSchema?: Readonly<Record<string, unknown>>;
}

const FIELD_LENGTH_MAX = 200;
/** A longer list helps nobody who reads an error. */
const CHOICES_LENGTH_MAX = 1_000;

/**
 * `/messages/0/content` → `messages[0].content`, below `root` where one is given; of what is wrong
 * inside an object, its name.
 */
export function violatedField(
  { instancePath, params, propertyName }: Violation,
  root = '',
): string {
  const named = params as Record<string, string | undefined>;
  const { missingProperty, additionalProperty, unevaluatedProperty } = named;
  const refused = named['propertyName'] ?? propertyName;
  const inner = missingProperty ?? additionalProperty ?? unevaluatedProperty ?? refused;
  const steps = instancePath.split('/').slice(1).map(unescaped);
  const path = steps.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`)).join('');
  const field = `${root}${path}${inner === undefined ? '' : `.${inner}`}`.replace(/^\./, '');
  return field.length <= FIELD_LENGTH_MAX ? field : `${field.slice(0, FIELD_LENGTH_MAX - 1)}…`;
}

const unescaped = (step: string): string => step.replaceAll('~1', '/').replaceAll('~0', '~');

export const violationCode = ({ keyword }: Violation): string =>
  keyword.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** `whole` names what the fields are of. The error comes from an Ajv with `verbose`. */
export function violationMessage(error: Violation, whole: string): string {
  const { keyword, params, schema, parentSchema, message = 'is not valid' } = error;
  const { limit, multipleOf, format } = params as Record<string, unknown>;
  const words: Readonly<Record<string, () => string>> = {
    required: () => 'is required',
    additionalProperties: () => `is not a known field${whole}`,
    unevaluatedProperties: () => `is not a known field${whole}`,
    propertyNames: () => 'is not an allowed name',
    type: () => `must be ${listed([schema].flat().map(kindOf))}${likeExamples(parentSchema)}`,
    enum: () => `must be one of ${choices(schema as readonly unknown[])}`,
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
    minProperties: () =>
      limit === 1 ? 'must have at least one field' : `must have ${limit} or more fields`,
    maxProperties: () => `must have at most ${limit} fields`,
    uniqueItems: () => 'must not have the same item twice',
    pattern: () => `does not have the required form${likeExamples(parentSchema)}`,
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

function choices(values: readonly unknown[]): string {
  const text = values.map(String).join(', ');
  return text.length <= CHOICES_LENGTH_MAX ? text : `${text.slice(0, CHOICES_LENGTH_MAX)}…`;
}

/** Those of texts: what they look like is not told by their type. */
function likeExamples(schema: Readonly<Record<string, unknown>> | undefined): string {
  const examples = [schema?.['examples'] ?? []].flat();
  const texts = examples.filter((one) => typeof one === 'string' && one.length <= EXAMPLE_MAX);
  return texts.length === 0
    ? ''
    : `, for example ${listed(texts.map((one) => JSON.stringify(one)))}`;
}

const EXAMPLE_MAX = 60;

/** A choice between fields names them; any other choice has no shorter words than its schema. */
function choice(schema: unknown, words: string): string {
  const branches = schema as readonly { required?: readonly string[] }[];
  if (branches.some(({ required }) => !required?.length)) return 'one of the allowed forms';
  return `${words} ${branches.map(({ required }) => required?.join(' with ')).join(', ')}`;
}
