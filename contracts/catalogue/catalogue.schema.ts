/**
 * The catalogue file as operators write it (YAML): its shape, and the JSON Schema that checks it.
 * A `description` is also the second half of the sentence that reports a violation.
 */
import { modalities, type Modality } from '../events/execution.js';
import { priceUnits, type PriceEntry } from './price-units.js';

export interface CatalogueDocument {
  readonly providers: Readonly<Record<string, ProviderEntry>>;
  readonly models: Readonly<Record<string, ModelEntry>>;
}

export interface ProviderEntry {
  readonly adapter: string;
  readonly base_url: string;
  readonly credential_env?: string;
  readonly honours_idempotency_key?: boolean;
  readonly timeout_ms: number;
  readonly bulkhead: number;
  readonly breaker?: {
    readonly failures_to_open?: number;
    readonly successes_to_close?: number;
    readonly open_ms?: number;
    readonly half_open_probes?: number;
  };
  readonly poll?: PollEntry;
}

export interface PollEntry {
  readonly first_ms?: number;
  readonly every_ms?: number;
  readonly max_ms?: number;
}

export interface ModelEntry {
  readonly name: string;
  readonly description: string;
  readonly modality: Modality;
  readonly expires_in_seconds?: number;
  readonly attempts_max?: number;
  readonly max_wait_seconds?: number;
  readonly usage_default?: UsageEntry;
  readonly input_schema: Readonly<Record<string, unknown>>;
  readonly output_schema?: Readonly<Record<string, unknown>>;
  readonly routes: readonly RouteEntry[];
}

interface UsageEntry {
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly images?: number;
  readonly seconds?: number;
  readonly characters?: number;
}

export interface RouteEntry {
  readonly name?: string;
  readonly provider: string;
  readonly provider_model: string;
  readonly priority?: number;
  /** Absent is refused after the schema, with a sentence of its own. */
  readonly price?: PriceEntry;
  readonly cost: PriceEntry;
}

type Part = Readonly<Record<string, unknown>>;

const integer = (minimum: number, maximum: number, description: string): Part => ({
  type: 'integer',
  minimum,
  maximum,
  description: `${description}, a whole number from ${minimum} to ${maximum}`,
});

const text = (maxLength: number, description: string): Part => ({
  type: 'string',
  minLength: 1,
  maxLength,
  description,
});

const closed = (properties: Record<string, Part>, required: readonly string[]): Part => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

const slug: Part = {
  type: 'string',
  pattern: '^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$',
  description: 'a slug has lower-case letters, digits, dots and hyphens, at most 63',
};

const entries = (of: Part, description: string): Part => ({
  type: 'object',
  propertyNames: slug,
  additionalProperties: of,
  minProperties: 1,
  description,
});

const dollars: Part = {
  type: 'string',
  pattern: '^(0|[1-9][0-9]{0,5})(\\.[0-9]{1,6})?$',
  description: 'dollars per unit as a decimal string in quotes, such as "0.048"',
};

const price: Part = {
  ...closed(Object.fromEntries(priceUnits.map((unit) => [unit, dollars])), []),
  description: 'dollars per unit, such as {per_image: "0.04"}',
};

const jsonSchema: Part = { type: 'object', description: 'a JSON Schema (draft 2020-12)' };

const breaker = closed(
  {
    failures_to_open: integer(1, 1000, 'failures in a row'),
    successes_to_close: integer(1, 1000, 'successful probes'),
    open_ms: integer(10, 3_600_000, 'milliseconds'),
    half_open_probes: integer(1, 1000, 'probes at once'),
  },
  [],
);

const poll = closed(
  {
    first_ms: integer(10, 3_600_000, 'milliseconds'),
    every_ms: integer(10, 3_600_000, 'milliseconds'),
    max_ms: integer(10, 3_600_000, 'milliseconds'),
  },
  [],
);

const provider = closed(
  {
    adapter: text(63, 'the name of a wire adapter'),
    base_url: text(2048, 'an http or https URL; ${NAME} stands for a variable'),
    credential_env: {
      type: 'string',
      pattern: '^[A-Z][A-Z0-9_]{0,127}$',
      description: 'the NAME of the environment variable that holds the credential',
    },
    honours_idempotency_key: { type: 'boolean', description: 'true or false' },
    timeout_ms: integer(10, 3_600_000, 'milliseconds'),
    bulkhead: integer(1, 10_000, 'calls at once'),
    breaker,
    poll,
  },
  ['adapter', 'base_url', 'timeout_ms', 'bulkhead'],
);

const usageDefault = closed(
  {
    input_tokens: integer(0, 100_000_000, 'tokens'),
    output_tokens: integer(0, 100_000_000, 'tokens'),
    images: integer(1, 1000, 'images'),
    seconds: { type: 'number', minimum: 0, maximum: 86_400, description: 'seconds, at most a day' },
    characters: integer(0, 100_000_000, 'characters'),
  },
  [],
);

const route = closed(
  {
    name: text(127, 'a name that no other route has'),
    provider: slug,
    provider_model: text(255, "the provider's own name of the model"),
    priority: integer(-1000, 1000, 'smaller is preferred'),
    price,
    cost: price,
  },
  ['provider', 'provider_model', 'cost'],
);

const model = closed(
  {
    name: text(127, 'a name for people'),
    description: text(2000, 'a description for people'),
    modality: {
      enum: [...modalities],
      description: `one of ${modalities.join(', ')}`,
    },
    expires_in_seconds: integer(1, 604_800, 'seconds'),
    attempts_max: integer(1, 100, 'attempts over all routes'),
    max_wait_seconds: integer(0, 604_800, 'seconds'),
    usage_default: usageDefault,
    input_schema: jsonSchema,
    output_schema: jsonSchema,
    routes: { type: 'array', items: route, minItems: 1, maxItems: 100, description: 'routes' },
  },
  ['name', 'description', 'modality', 'input_schema', 'routes'],
);

export const catalogueSchema: Part = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'ModelRoute catalogue',
  ...closed(
    {
      providers: entries(provider, 'providers by slug'),
      models: entries(model, 'models by slug'),
    },
    ['providers', 'models'],
  ),
};
