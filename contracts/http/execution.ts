/** An execution as callers read it: in `GET /v1/executions/{id}`, after a cancel, in webhooks. */
import { answerObject, errorDetails, id, money, orNull, timestamp, type Schema } from './parts.js';
import { modelSlug } from './path-parameters.js';

export const STATUSES = [
  'PENDING',
  'PROCESSING',
  'AWAITING_WEBHOOK',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'EXPIRED',
] as const;

/** More are not counted. */
export const QUEUED_AHEAD_MAX = 10_000;

export const metadataSchema: Schema = {
  type: 'object',
  description: 'Your own labels: at most 16, keys to 64 and values to 512 characters.',
  maxProperties: 16,
  propertyNames: { minLength: 1, maxLength: 64 },
  additionalProperties: { type: 'string', maxLength: 512 },
  examples: [{ order: '4711' }],
};

const accepted = {
  id: id('exec', 'The execution.'),
  status: { type: 'string', enum: [...STATUSES] },
  model: modelSlug('The model that was asked for.'),
  estimated_cost: money('What it will cost at most, as far as can be known.', '0.040'),
  hold_amount: money('Reserved until it is over; never charged beyond.'),
  expires_at: timestamp('If it is not over by then, it expires at no cost.'),
  created_at: timestamp('When it was accepted.'),
  metadata: metadataSchema,
  'retry_of?': id('exec', 'The execution whose input it repeats.'),
  'batch_id?': id('batch', 'The batch that it was submitted in.'),
};

const ACCEPTED_EXAMPLE = {
  id: 'exec_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44',
  status: 'PENDING',
  model: 'text-generation-standard',
  estimated_cost: '0.000398',
  hold_amount: '0.010',
  expires_at: '2026-01-31T12:05:00.000Z',
  created_at: '2026-01-31T12:00:00.000Z',
  metadata: { order: '4711' },
};

export const acceptedSchema: Schema = {
  ...answerObject('AcceptedExecution', accepted),
  examples: [ACCEPTED_EXAMPLE],
};

const executionFields: Readonly<Record<string, Schema>> = {
  ...accepted,
  'model_used?': {
    type: ['string', 'null'],
    description: 'With `fallback_models`: the model that ran it, or runs it now.',
  },
  cost: orNull(money('What was charged, once completed.', '0.040')),
  latency_ms: { type: ['integer', 'null'], minimum: 0, description: 'From accepted to completed.' },
  started_at: orNull(timestamp('First dispatch.')),
  completed_at: orNull(timestamp('When it was over, however it ended.')),
  'queued_ahead?': {
    type: 'integer',
    minimum: 0,
    maximum: QUEUED_AHEAD_MAX,
    description:
      'While `PENDING`, when it is read by its id: how many executions of yours wait for the ' +
      `model and were accepted before it. Counted up to ${QUEUED_AHEAD_MAX}.`,
  },
  'result?': {
    type: 'object',
    description: 'A summary, when completed; the output itself is at `/result`.',
  },
  'error?': {
    type: 'object',
    description: 'Why it failed, when failed.',
    properties: {
      code: { type: 'string' },
      message: { type: 'string' },
      retryable: { type: 'boolean' },
      retry_after: {
        type: 'integer',
        minimum: 0,
        description: 'Seconds after `completed_at` before which asking again is no use, if known.',
      },
      details: errorDetails,
    },
    required: ['code', 'message', 'retryable'],
  },
  'payloads_erased_at?': timestamp('Since then neither its input nor its output is stored.'),
};

export const executionSchema: Schema = {
  ...answerObject('Execution', executionFields),
  examples: [
    {
      ...ACCEPTED_EXAMPLE,
      status: 'COMPLETED',
      cost: '0.000286',
      latency_ms: 640,
      started_at: '2026-01-31T12:00:00.012Z',
      completed_at: '2026-01-31T12:00:00.640Z',
      result: { finish_reason: 'stop' },
    },
  ],
};
