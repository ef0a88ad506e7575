/** Every webhook delivery that is or was due, and every attempt at it. */
import type { DeliveryEvent, DeliveryScheduled } from '../../contracts/events/delivery.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type {
  WebhookEndpointChanged,
  WebhookEndpointDisabled,
  WebhookEndpointEnabled,
} from '../../contracts/events/webhook-endpoint.js';
import {
  deliveries as table,
  deliveryAttempts,
  endpointHealth,
  type DeliveryRow,
} from '../../infra/read-store/tables/deliveries.js';
import { projection, type Batch } from '../engine/projection.js';
import { healthAfter, healthy, type Attempted } from './endpoint-health.js';

export const deliveries = projection<DeliveryEvent | EndpointEvent>(
  'deliveries',
  {
    version: 2,
    tables: [table, deliveryAttempts, endpointHealth],
    plan: ({ type, data }, plan) => {
      const { endpointId } = data;
      if ('deliveryId' in data) {
        const key = { id: data.deliveryId };
        if (type === 'DeliveryScheduled') return plan.creates(table, key);
        plan.reads(table, key);
      }
      if (endpointId !== undefined && isOfHealth(type)) plan.reads(endpointHealth, { endpointId });
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
    WebhookEndpointChanged: beginAnew,
    WebhookEndpointDisabled: beginAnew,
    WebhookEndpointEnabled: beginAnew,
  },
);

type EndpointEvent = WebhookEndpointChanged | WebhookEndpointDisabled | WebhookEndpointEnabled;

const OTHERS: ReadonlySet<string> = new Set([
  'DeliveryScheduled',
  'DeliveryStopped',
  'RedeliveryRequested',
]);

/** Attempts, and what endpoints are not judged beyond. */
const isOfHealth = (type: (DeliveryEvent | EndpointEvent)['type']): boolean => !OTHERS.has(type);

/** What the endpoint answered before, perhaps elsewhere, does not count against it any more. */
function beginAnew({ data, position }: RecordedEvent<EndpointEvent>, batch: Batch): void {
  const known = batch.of(endpointHealth).get({ endpointId: data.endpointId });
  if (known) batch.of(endpointHealth).put({ ...healthy(known), position });
}

/** What else a body is rebuilt from is in the log alone. */
function rowOf(data: DeliveryScheduled['data']) {
  const { deliveryId: id, at: scheduledAt, source: _, feedSequence: __, ...rest } = data;
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
