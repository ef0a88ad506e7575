/** Batches in the feed. A batch with `completed_at` is over; null: it is open (again). */
import type { BatchEvent } from '../../contracts/events/batch.js';
import { formatMoney } from '../../contracts/money.js';
import { actorData, type FeedMapping } from './feed-content.js';

export const batchEvents: FeedMapping<BatchEvent> = {
  BatchSubmitted: ({ data }) => ({
    type: 'batch.submitted',
    subject: data.batchId,
    data: {
      id: data.batchId,
      api_key_id: data.apiKeyId,
      execution_ids: data.executionIds,
      rejected: data.rejected,
      created_at: data.at,
      cancel_requested_at: null,
      completed_at: null,
    },
  }),
  BatchExtended: ({ data }) => ({
    type: 'batch.extended',
    subject: data.batchId,
    data: {
      id: data.batchId,
      api_key_id: data.apiKeyId,
      added_execution_ids: data.executionIds,
      rejected: data.rejected,
      cancel_requested_at: null,
      completed_at: null,
    },
  }),
  BatchCancelRequested: (event) => ({
    type: 'batch.cancel_requested',
    subject: event.data.batchId,
    data: { id: event.data.batchId, cancel_requested_at: event.data.at, ...actorData(event) },
  }),
  BatchCompleted: ({ data }) => ({
    type: 'batch.completed',
    subject: data.batchId,
    data: {
      id: data.batchId,
      completed: data.completed,
      failed: data.failed,
      cancelled: data.cancelled,
      expired: data.expired,
      rejected: data.rejected,
      cost: formatMoney(data.cost),
      completed_at: data.at,
    },
  }),
};
