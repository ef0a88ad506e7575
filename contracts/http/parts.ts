/**
 * The small vocabulary in which the API's JSON Schemas (2020-12) are written. A schema with a
 * `title` is a named component of the OpenAPI document.
 */
import { errorCatalogue } from '../error-codes.js';
import { idPattern, type IdPrefix } from '../ids.js';
import { MONEY_PATTERN } from '../money.js';

export type Schema = Readonly<Record<string, unknown>>;

/** A field name that ends in `?` may be left out. Fields not named are refused in requests. */
export function requestObject(title: string, fields: Record<string, Schema>): Schema {
  return { title, ...objectOf(fields), additionalProperties: false };
}

/** Answers may gain fields in later releases, so readers must let unknown ones pass. */
export function answerObject(title: string, fields: Record<string, Schema>): Schema {
  return { title, ...objectOf(fields) };
}

/** The query of a route; parameters not named are refused. */
export function queryObject(fields: Record<string, Schema>): Schema {
  return { ...objectOf(fields), additionalProperties: false };
}

/** The longest prefix, a line below, a UUID. */
const ID_LENGTH_MAX = 42;

export const id = (prefix: IdPrefix, description: string): Schema => ({
  type: 'string',
  maxLength: ID_LENGTH_MAX,
  pattern: idPattern(prefix),
  description,
  examples: [`${prefix}_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44`],
});

export const text = (description: string, lengthMax?: number): Schema => ({
  type: 'string',
  description,
  ...(lengthMax !== undefined && { minLength: 1, maxLength: lengthMax }),
});

/** An example is what the reference shows, and what generated clients are tried with. */
export const withExample = (schema: Schema, ...examples: readonly unknown[]): Schema => ({
  ...schema,
  examples,
});

export const timestamp = (description: string): Schema => ({
  type: 'string',
  format: 'date-time',
  description: `${description} ISO 8601 in UTC with milliseconds.`,
  examples: ['2026-01-31T12:00:00.000Z'],
});

/** A signed amount. */
export const money = (description: string, example = '0.048'): Schema => ({
  type: 'string',
  maxLength: 20,
  pattern: MONEY_PATTERN,
  description: `${description} US dollars as a decimal string, exact to one millionth.`,
  examples: [example],
});

/** An amount without a sign. */
export const moneyUnsigned = (description: string, example = '12.50'): Schema => ({
  ...money(description, example),
  pattern: MONEY_PATTERN.replace('-?', ''),
});

export const orNull = (schema: Schema): Schema => ({
  ...schema,
  type: [schema['type'], 'null'].flat(),
});

/** The envelope of every list. */
export const listOf = (title: string, item: Schema): Schema =>
  answerObject(title, {
    data: { type: 'array', items: item },
    next_cursor: {
      type: ['string', 'null'],
      description: 'Give it as `cursor` to go on; null at the end.',
      examples: [null],
    },
  });

const CURSOR_EXAMPLE =
  'rF3mJr1vGfZ0Q6wq9bq0xw2h8Tn5yXlKp7sVd4uCzE1aLoI3gNtMjBkR_Y-HcPi6e8fWQxSvZ2mUoA9y' +
  'D5rTbG7nKqJhVlXc3wEp0iFs1uOa4zMdR6tYg8B';

/** The query of every list. */
export const pageFields: Readonly<Record<string, Schema>> = {
  'limit?': {
    type: 'integer',
    minimum: 1,
    maximum: 1000,
    default: 50,
    description: 'At most so many.',
  },
  'cursor?': {
    type: 'string',
    pattern: '^[A-Za-z0-9_-]{100,512}$',
    maxLength: 512,
    description: '`next_cursor` of the page before, for this list and this organization alone.',
    examples: [CURSOR_EXAMPLE],
  },
};

export const idempotencyKey: Schema = {
  ...text('Names the request, so that a repeat is recognised.', 255),
  examples: ['order-4711'],
};

/** The same in a header: as it is, or in quotes as a structured field. */
export const idempotencyHeader = (description: string): Schema => ({
  type: 'string',
  minLength: 1,
  maxLength: 512,
  pattern: '^[^\\x00-\\x1f\\x7f]+$',
  description: `${description} 1 to 255 characters, as they are or in quotes.`,
  examples: ['order-4711'],
});

export const errorDetails: Schema = {
  type: 'array',
  description: 'What exactly is wrong: a field, a category of moderation, a limit.',
  items: objectOf({
    'field?': text(
      'Path of the field, as in `input.messages[0].content`; absent where none is wrong.',
    ),
    code: text('What is wrong with it, the category, or which limit it was.'),
    message: text('The same for people.'),
    'scope?': {
      type: 'string',
      enum: ['organization', 'key'],
      description: 'Whose limit it was, of a spending guard.',
    },
  }),
  examples: [[{ field: 'input.prompt', code: 'required', message: 'is required' }]],
};

const errorFields: Readonly<Record<string, Schema>> = {
  code: { type: 'string', enum: Object.keys(errorCatalogue) },
  message: { ...text('For people; may change.'), examples: ['The request is not valid.'] },
  retryable: { type: 'boolean', description: 'Whether the same request may succeed later.' },
  request_id: {
    ...text('The `X-Request-Id` of this answer.'),
    examples: ['req_0b1e7a34-6f0c-4a53-9d0e-8f3c5b1a2d47'],
  },
  'details?': errorDetails,
};

export const errorEnvelope: Schema = answerObject('Error', { error: objectOf(errorFields) });

/** The same as `application/problem+json` (RFC 9457). */
export const problemSchema: Schema = answerObject('Problem', {
  type: {
    ...text('The page of errors, at the code.'),
    pattern: '^/docs/errors#[a-z_]+$',
    examples: ['/docs/errors#input_validation_error'],
  },
  title: { ...text('What the code means.'), examples: ['The request is not valid.'] },
  status: { type: 'integer', minimum: 400, maximum: 599, examples: [400] },
  detail: { ...text('What is wrong here.'), examples: ['The body is not valid.'] },
  instance: {
    ...text('This one request, by its `request_id`.'),
    examples: ['urn:modelroute:request:req_0b1e7a34-6f0c-4a53-9d0e-8f3c5b1a2d47'],
  },
  ...errorFields,
});

function objectOf(fields: Record<string, Schema>): Schema {
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const [name, schema] of Object.entries(fields)) {
    const optional = name.endsWith('?');
    properties[optional ? name.slice(0, -1) : name] = schema;
    if (!optional) required.push(name);
  }
  return { type: 'object', properties, required };
}
