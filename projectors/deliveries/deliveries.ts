/** Every webhook delivery that is or was due, and every attempt at it. */
import type { DeliveryEvent } from '../../contracts/events/delivery.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import {
  deliveries as table,
  deliveryAttempts,
  type DeliveryRow,
} from '../../infra/read-store/tables/deliveries.js';
import { projection, type Batch } from '../engine/projection.js';

export const deliveries = projection<DeliveryEvent>(
  'deliveries',
  {
    version: 1,
    tables: [table, deliveryAttempts],
    plan: ({ type, data }, plan) => {
      const key = { id: data.deliveryId };
      if (type === 'DeliveryScheduled') plan.creates(table, key);
      else plan.reads(table, key);
    },
  },
  {
    DeliveryScheduled: ({ data, revision, position }, batch) => {
      const { deliveryId: id, at: scheduledAt, ...rest } = data;
      batch.of(table).create({
        id,
        ...rest,
        status: 'WAITING',
        attempts: 0,
        scheduledAt,
        revision,
        position,
      });
    },
    DeliveryAttemptFailed: (event, batch) => {
      const { nextAttemptAt } = event.data;
      attempted(event, batch, { status: 'WAITING', nextAttemptAt });
    },
    DeliverySucceeded: (event, batch) => {
      attempted(event, batch, { status: 'SUCCEEDED', finishedAt: event.data.at });
    },
    DeliveryExhausted: (event, batch) => {
      attempted(event, batch, { status: 'EXHAUSTED', finishedAt: event.data.at });
    },
  },
);

type Attempted = Exclude<DeliveryEvent, { type: 'DeliveryScheduled' }>;
type Outcome = Pick<DeliveryRow, 'status' | 'nextAttemptAt' | 'finishedAt'>;

function attempted(event: RecordedEvent<Attempted>, batch: Batch, outcome: Outcome): void {
  const { data, revision, position } = event;
  const { deliveryId, attempt, latencyMs, at } = data;
  batch.of(deliveryAttempts).create({
    deliveryId,
    attempt,
    succeeded: event.type === 'DeliverySucceeded',
    httpStatus: data.status,
    reason: 'reason' in data ? data.reason : undefined,
    latencyMs,
    at,
    position,
  });
  const row = batch.of(table).get({ id: deliveryId });
  if (!row) return;
  const { nextAttemptAt: _, ...known } = row;
  batch.of(table).put({ ...known, ...outcome, attempts: attempt, revision, position });
}
