/** A model and its routes in the catalogue file. */
import { modalities, type Modality } from '../events/execution.js';
import { TTL_DAYS_MAX } from '../events/file.js';
import {
  capabilitiesSchema,
  promisesSchema,
  type Capabilities,
  type Promises,
} from './capabilities.js';
import { PAYLOAD_TTL_DAYS_MAX } from '../events/organization.js';
import { priceUnits, type TieredPriceEntry } from './price-units.js';
import { routeRequestSchema, type RouteRequest } from './route-request.js';
import { closed, integer, slug, text, type Part } from './schema-parts.js';

export interface ModelEntry {
  readonly name: string;
  readonly description: string;
  readonly modality: Modality;
  readonly expires_in_seconds?: number;
  readonly attempts_max?: number;
  readonly max_wait_seconds?: number;
  readonly unknown_max_cost?: string;
  readonly usage_default?: UsageEntry;
  readonly accepts?: readonly string[];
  readonly ttl_days?: number;
  readonly payload_ttl_days?: number;
  readonly input_schema: Readonly<Record<string, unknown>>;
  readonly output_schema?: Readonly<Record<string, unknown>>;
  readonly routes: readonly RouteEntry[];
}

interface UsageEntry {
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly images?: number;
  readonly pixels?: number;
  readonly seconds?: number;
  readonly characters?: number;
}

export interface RouteEntry {
  readonly name?: string;
  readonly provider: string;
  readonly provider_model: string;
  readonly input_map?: Readonly<Record<string, string | null>>;
  readonly priority?: number;
  readonly weight?: number;
  readonly capabilities?: Capabilities;
  readonly promises?: Promises;
  readonly request?: RouteRequest;
  /** Absent is refused after the schema, with a sentence of its own. */
  readonly price?: TieredPriceEntry;
  readonly cost: TieredPriceEntry;
}

const dollars: Part = {
  type: 'string',
  pattern: '^(0|[1-9][0-9]{0,5})(\\.[0-9]{1,6})?$',
  description: 'dollars per unit as a decimal string in quotes, such as "0.048"',
};

const units: Record<string, Part> = Object.fromEntries(priceUnits.map((unit) => [unit, dollars]));

const tier: Part = closed({ above_input_tokens: integer(1, 100_000_000, 'tokens'), ...units }, [
  'above_input_tokens',
]);

const price: Part = {
  ...closed({ ...units, tiers: { type: 'array', items: tier, minItems: 1, maxItems: 8 } }, []),
  description: 'dollars per unit, such as {per_image: "0.04"}',
};

const jsonSchema: Part = { type: 'object', description: 'a JSON Schema (draft 2020-12)' };

const usageDefault = closed(
  {
    input_tokens: integer(0, 100_000_000, 'tokens'),
    output_tokens: integer(0, 100_000_000, 'tokens'),
    images: integer(1, 1000, 'images'),
    pixels: integer(1, 1_000_000_000, 'pixels of one image'),
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
    input_map: {
      type: 'object',
      additionalProperties: { type: ['string', 'null'], minLength: 1, maxLength: 127 },
      maxProperties: 100,
      description: 'canonical names and those of the model, such as {duration_s: duration}',
    },
    priority: integer(-1000, 1000, 'smaller is preferred'),
    weight: integer(0, 1000, 'a share among routes that are about as good'),
    capabilities: capabilitiesSchema,
    promises: promisesSchema,
    request: routeRequestSchema,
    price,
    cost: price,
  },
  ['provider', 'provider_model', 'cost'],
);

export const modelSchema: Part = closed(
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
    unknown_max_cost: { ...dollars, description: 'dollars as a decimal string, such as "0.01"' },
    usage_default: usageDefault,
    accepts: {
      type: 'array',
      items: {
        type: 'string',
        pattern: '^[a-z]+/(\\*|[a-z0-9][a-z0-9.+-]*)$',
        maxLength: 127,
        description: 'a content type, or all of a kind, such as image/png or audio/*',
      },
      minItems: 1,
      maxItems: 100,
      description: 'content types of the files that it takes',
    },
    ttl_days: integer(1, TTL_DAYS_MAX, 'days that what it produces is kept'),
    payload_ttl_days: integer(
      1,
      PAYLOAD_TTL_DAYS_MAX,
      'days after which inputs and outputs of its executions are erased',
    ),
    input_schema: jsonSchema,
    output_schema: jsonSchema,
    routes: { type: 'array', items: route, minItems: 1, maxItems: 100, description: 'routes' },
  },
  ['name', 'description', 'modality', 'input_schema', 'routes'],
);
