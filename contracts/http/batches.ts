/** A batch as callers read it: in `GET /v1/batches/{id}`, after a cancel, in webhooks. */
import {
  answerObject,
  id,
  money,
  orNull,
  text,
  timestamp,
  withExample,
  type Schema,
} from './parts.js';

const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description });

const EXAMPLE = 'batch_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44';

export const batchSchema: Schema = answerObject('Batch', {
  id: id('batch', 'The batch.'),
  status: {
    type: 'string',
    enum: ['PROCESSING', 'CANCELLING', 'COMPLETED', 'CANCELLED'],
    description:
      '`COMPLETED` once all of its executions are over, however each ended; `CANCELLED` instead ' +
      'where its cancellation was asked for before.',
  },
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
  cancel_requested_at: orNull(timestamp('Since when it is being cancelled.')),
  completed_at: orNull(timestamp('When all of its executions were over.')),
  links: answerObject('BatchLinks', {
    self: withExample(text('Where this is read.'), `/v1/batches/${EXAMPLE}`),
    executions: withExample(
      text('The list of the executions that were submitted in it.'),
      `/v1/executions?batch_id=${EXAMPLE}`,
    ),
  }),
});
