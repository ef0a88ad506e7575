/** `POST /v1/executions`: the body of a submission. */
import type { Promises } from '../catalogue/capabilities.js';
import type { WebhookEventType } from '../events/delivery.js';
import { WEBHOOK_EVENTS } from '../webhooks/body.js';
import { metadataSchema } from './execution.js';
import { idempotencyKey, requestObject, text, type Schema } from './parts.js';
import { modelSlug } from './path-parameters.js';
import { requirementsSchema } from './requirements.js';

export interface SubmitBody {
  readonly model: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly webhook_url?: string;
  readonly webhook_events?: readonly WebhookEventType[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly expires_in?: number;
  readonly fallback_models?: readonly string[];
  readonly require?: Promises;
  readonly idempotency_key?: string;
}

export interface RetryBody {
  readonly idempotency_key?: string;
}

export const retrySchema: Schema = {
  ...requestObject('RetryExecution', { 'idempotency_key?': idempotencyKey }),
  examples: [{ idempotency_key: 'order-4711-again' }],
};

const FALLBACK_MODELS_MAX = 3;

/** A week. */
export const EXPIRES_IN_SECONDS_MAX = 604_800;

export const submitSchema: Schema = {
  ...requestObject('SubmitExecution', {
    model: modelSlug('Slug of a model in `GET /v1/models`.'),
    input: { type: 'object', description: "Canonical input, checked against the model's schema." },
    'webhook_url?': text('Told when it starts and when it is over; https.', 2048),
    'webhook_events?': {
      type: 'array',
      items: { type: 'string', enum: WEBHOOK_EVENTS },
      maxItems: WEBHOOK_EVENTS.length,
      uniqueItems: true,
      description: 'What `webhook_url` is told; all but `execution.expired` unless some are named.',
    },
    'metadata?': metadataSchema,
    'expires_in?': {
      type: 'integer',
      minimum: 1,
      maximum: EXPIRES_IN_SECONDS_MAX,
      description: "Seconds from acceptance to expiry; the model's default unless given.",
    },
    'fallback_models?': {
      type: 'array',
      items: modelSlug('Slug of a model of the same modality.'),
      maxItems: FALLBACK_MODELS_MAX,
      uniqueItems: true,
      description:
        'Tried in order when the providers of the models before failed, or rest. The input must ' +
        'suit each of them; the price is that of the model that ran it (`model_used`).',
    },
    'require?': requirementsSchema,
    'idempotency_key?': idempotencyKey,
  }),
  examples: [
    {
      model: 'text-generation-standard',
      input: { prompt: 'Write a haiku about rivers.' },
      metadata: { order: '4711' },
    },
  ],
};
