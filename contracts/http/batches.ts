/** Batches: submissions in one call, and what became of them. */
import { acceptedSchema } from './execution.js';
import {
  answerObject,
  errorEnvelope,
  id,
  money,
  orNull,
  requestObject,
  text,
  timestamp,
  withExample,
  type Schema,
} from './parts.js';
import { submitSchema } from './post-executions.js';

/** As many as an event of the batch lists. */
export const BATCH_ITEMS_MAX = 1_000;
export const BATCH_BYTES_MAX = 16 * 1024 * 1024;

/** A submission whose idempotency key is in its body. */
export const batchItemSchema: Schema = {
  ...submitSchema,
  title: 'BatchItem',
  required: [...(submitSchema['required'] as readonly string[]), 'idempotency_key'],
  examples: [
    {
      model: 'text-generation-standard',
      input: { prompt: 'Write a haiku about rivers.' },
      idempotency_key: 'order-4711',
    },
  ],
};

export const submitBatchSchema: Schema = {
  ...requestObject('SubmitBatch', {
    executions: {
      type: 'array',
      minItems: 1,
      maxItems: BATCH_ITEMS_MAX,
      items: batchItemSchema,
      description:
        'Submissions, each with an `idempotency_key` of its own. Each is checked and answered by ' +
        'itself: what is wrong with one is in its result, and stands in no other’s way.',
    },
  }),
  examples: [
    {
      executions: [
        {
          model: 'text-generation-standard',
          input: { prompt: 'Write a haiku about rivers.' },
          idempotency_key: 'order-4711',
        },
        {
          model: 'text-generation-standard',
          input: { prompt: 'Write a haiku about lakes.' },
          idempotency_key: 'order-4712',
        },
      ],
    },
  ],
};

const result: Schema = answerObject('BatchResult', {
  status: {
    type: 'integer',
    minimum: 100,
    maximum: 599,
    description: 'What `POST /v1/executions` would have answered this item with.',
    examples: [202],
  },
  body: {
    description: 'And the body of that answer: the accepted execution, or the error.',
    anyOf: [acceptedSchema, errorEnvelope],
  },
  'idempotency_replayed?': {
    type: 'boolean',
    enum: [true],
    description: 'The item was accepted before: in place of the header `Idempotency-Replayed`.',
  },
  'retry_after?': {
    type: 'integer',
    minimum: 0,
    description: 'Seconds: in place of the header `Retry-After`.',
    examples: [1],
  },
});

export const batchResultsSchema: Schema = answerObject('BatchResults', {
  batch_id: id('batch', 'The batch: `GET /v1/batches/{id}`.'),
  results: {
    type: 'array',
    items: result,
    description: 'One for each item, in the order of the items.',
  },
});

const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description });

const EXAMPLE = 'batch_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44';

const status: Schema = {
  type: 'string',
  enum: ['PROCESSING', 'CANCELLING', 'COMPLETED', 'CANCELLED'],
  description:
    '`COMPLETED` once all of its executions are over, however each ended; `CANCELLED` instead ' +
    'where its cancellation was asked for before.',
};
const self = withExample(text('Where the batch is read.'), `/v1/batches/${EXAMPLE}`);
const cancelRequested = orNull(timestamp('Since when it is being cancelled.'));

export const batchCancellationSchema: Schema = answerObject('BatchCancellation', {
  id: id('batch', 'The batch.'),
  status,
  cancel_requested_at: cancelRequested,
  links: answerObject('BatchCancellationLinks', { self }),
});

export const batchSchema: Schema = answerObject('Batch', {
  id: id('batch', 'The batch.'),
  status,
  counts: answerObject('BatchCounts', {
    total: count('The executions and the refused items together.'),
    pending: count('Executions that wait.'),
    processing: count('Executions that are worked on.'),
    completed: count('Executions with a result.'),
    failed: count('Executions that failed.'),
    cancelled: count('Executions that were cancelled.'),
    expired: count('Executions whose time ran out.'),
    rejected: count('Items that were refused: there is no execution of them.'),
  }),
  cost: money('What its completed executions were charged together.', '1.250'),
  created_at: timestamp('When it was submitted.'),
  cancel_requested_at: cancelRequested,
  completed_at: orNull(timestamp('When all of its executions were over.')),
  links: answerObject('BatchLinks', {
    self,
    executions: withExample(
      text('The list of the executions that were submitted in it.'),
      `/v1/executions?batch_id=${EXAMPLE}`,
    ),
  }),
});
