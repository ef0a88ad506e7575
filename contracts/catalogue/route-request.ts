/** In what a route's requests differ from what its vendor documents. As in the catalogue file. */
import { closed, text, type Part } from './schema-parts.js';

export interface RouteRequest {
  /** Fields of the model's own schema, besides the canonical ones, that are sent by their names. */
  readonly pass?: readonly string[];
  /** Sent with every request, as they are. */
  readonly add?: Readonly<Record<string, unknown>>;
  /** Fields that are sent in another form: a text of JSON, or the first of a list. */
  readonly as?: Readonly<Record<string, 'json' | 'first'>>;
  /** By which name a server of OpenAI's format knows the bound of an answer. */
  readonly max_tokens_field?: 'max_tokens' | 'max_completion_tokens';
  /** How a model is told how much to think: by a level or by a number of tokens. */
  readonly thinking?: 'level' | 'budget';
}

/** What decides how much is used and what is answered is the canonical input's alone. */
const OURS = [
  'model',
  'messages',
  'contents',
  'stream',
  'n',
  'best_of',
  'max_tokens',
  'max_completion_tokens',
  'generationConfig',
];

const free: Part = { not: { enum: OURS }, description: `none of ${OURS.join(', ')}` };

export const routeRequestSchema: Part = {
  ...closed(
    {
      pass: {
        type: 'array',
        items: { ...text(127, `a name, ${free['description'] as string}`), ...free },
        maxItems: 64,
        description: 'names of fields of the input that are sent as they are',
      },
      add: {
        type: 'object',
        propertyNames: free,
        maxProperties: 64,
        description: `fields that are sent with every request, ${free['description'] as string}`,
      },
      as: {
        type: 'object',
        additionalProperties: { enum: ['json', 'first'], description: 'json or first' },
        maxProperties: 64,
        description: 'canonical names of fields that are sent as a text of JSON, or as their first',
      },
      max_tokens_field: {
        enum: ['max_tokens', 'max_completion_tokens'],
        description: 'max_tokens or max_completion_tokens',
      },
      thinking: { enum: ['level', 'budget'], description: 'level or budget' },
    },
    [],
  ),
  description: 'in what its requests differ, such as {add: {service_tier: flex}}',
};
