/** Every webhook delivery that is or was due, and every attempt at it. */
import type { DeliveryEvent, DeliveryScheduled } from '../../contracts/events/delivery.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import {
  deliveries as table,
  deliveryAttempts,
  endpointHealth,
  type DeliveryRow,
} from '../../infra/read-store/tables/deliveries.js';
import { projection, type Batch } from '../engine/projection.js';
import { healthAfter, type Attempted } from './endpoint-health.js';

export const deliveries = projection<DeliveryEvent>(
  'deliveries',
  {
    version: 2,
    tables: [table, deliveryAttempts, endpointHealth],
    plan: ({ type, data }, plan) => {
      const key = { id: data.deliveryId };
      if (type === 'DeliveryScheduled') return plan.creates(table, key);
      plan.reads(table, key);
      const { endpointId } = data;
      if (endpointId !== undefined && isAttempted(type)) plan.reads(endpointHealth, { endpointId });
    },
  },
  {
    DeliveryScheduled: ({ data, revision, position }, batch) => {
      const row = rowOf(data);
      batch.of(table).create({ ...row, status: 'WAITING', attempts: 0, revision, position });
    },
    DeliveryAttemptFailed: (event, batch) => {
      const { nextAttemptAt } = event.data;
      attempted(event, batch, { status: 'WAITING', nextAttemptAt });
    },
    DeliverySucceeded: (event, batch) => {
      attempted(event, batch, { status: 'SUCCEEDED', finishedAt: event.data.at });
    },
    DeliveryExhausted: (event, batch) => {
      const { cause, at: finishedAt } = event.data;
      attempted(event, batch, { status: 'EXHAUSTED', cause, finishedAt });
    },
    DeliveryStopped: (event, batch) => {
      const { cause, at: finishedAt } = event.data;
      changed(event, batch, { status: 'EXHAUSTED', cause, finishedAt });
    },
    RedeliveryRequested: (event, batch) => {
      changed(event, batch, { status: 'WAITING', nextAttemptAt: event.data.at });
    },
  },
);

const isAttempted = (type: DeliveryEvent['type']): boolean =>
  type === 'DeliveryAttemptFailed' || type === 'DeliverySucceeded' || type === 'DeliveryExhausted';

/** The stream from which a body is rebuilt is in the log alone. */
function rowOf(data: DeliveryScheduled['data']) {
  const { deliveryId: id, at: scheduledAt, source: _, ...rest } = data;
  return { id, scheduledAt, ...rest };
}

type Outcome = Pick<DeliveryRow, 'status' | 'nextAttemptAt' | 'finishedAt' | 'cause'>;

function attempted(event: RecordedEvent<Attempted>, batch: Batch, outcome: Outcome): void {
  const { data, position } = event;
  const { deliveryId, organizationId, endpointId, attempt, latencyMs, at } = data;
  batch.of(deliveryAttempts).create({
    deliveryId,
    attempt,
    succeeded: event.type === 'DeliverySucceeded',
    httpStatus: data.status,
    reason: 'reason' in data ? data.reason : undefined,
    answer: data.answer,
    latencyMs,
    at,
    position,
  });
  changed(event, batch, outcome, attempt);
  if (endpointId === undefined) return;
  const known = batch.of(endpointHealth).get({ endpointId });
  const health = healthAfter(event, known ?? { endpointId, organizationId });
  batch.of(endpointHealth).put({ ...health, position });
}

function changed(
  event: RecordedEvent<Exclude<DeliveryEvent, { type: 'DeliveryScheduled' }>>,
  batch: Batch,
  outcome: Outcome,
  attempts?: number,
): void {
  const { data, revision, position } = event;
  const row = batch.of(table).get({ id: data.deliveryId });
  if (!row) return;
  const { nextAttemptAt: _, finishedAt: _2, cause: _3, httpStatus, ...known } = row;
  const status = attempts === undefined ? httpStatus : 'status' in data ? data.status : undefined;
  batch.of(table).put({
    ...known,
    ...outcome,
    ...(status !== undefined && { httpStatus: status }),
    attempts: attempts ?? row.attempts,
    revision,
    position,
  });
}
