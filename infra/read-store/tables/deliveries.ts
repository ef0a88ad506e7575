/** Webhook deliveries and each attempt at them. */
import type { WebhookEventType } from '../../../contracts/events/delivery.js';
import type { Timestamp } from '../../../contracts/events/envelope.js';
import type {
  DeliveryId,
  EventPublicId,
  ExecutionId,
  OrganizationId,
} from '../../../contracts/ids.js';
import { amount, column, count, maybe, text, time, type Table } from '../table.js';

export interface DeliveryRow {
  readonly id: DeliveryId;
  readonly organizationId: OrganizationId;
  readonly executionId: ExecutionId;
  readonly eventId: EventPublicId;
  readonly eventType: WebhookEventType;
  readonly sequence: number;
  readonly url: string;
  readonly status: 'WAITING' | 'SUCCEEDED' | 'EXHAUSTED';
  readonly attempts: number;
  readonly scheduledAt: Timestamp;
  readonly nextAttemptAt?: Timestamp;
  readonly finishedAt?: Timestamp;
  readonly revision: number;
  readonly position: bigint;
}

export const deliveries: Table<Pick<DeliveryRow, 'id'>, DeliveryRow> = {
  name: 'deliveries',
  key: [column('id', 'text', ({ id }) => id)],
  rest: [
    column('organization_id', 'text', ({ organizationId }) => organizationId),
    column('execution_id', 'text', ({ executionId }) => executionId),
    column('event_id', 'text', ({ eventId }) => eventId),
    column('event_type', 'text', ({ eventType }) => eventType),
    column('sequence', 'integer', ({ sequence }) => sequence),
    column('url', 'text', ({ url }) => url),
    column('status', 'text', ({ status }) => status),
    column('attempts', 'integer', ({ attempts }) => attempts),
    column('scheduled_at', 'timestamptz', ({ scheduledAt }) => scheduledAt),
    column('next_attempt_at', 'timestamptz', ({ nextAttemptAt }) => nextAttemptAt),
    column('finished_at', 'timestamptz', ({ finishedAt }) => finishedAt),
    column('revision', 'integer', ({ revision }) => revision),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ id }) => id,
  read: (row) => ({
    id: text(row, 'id'),
    organizationId: text(row, 'organization_id'),
    executionId: text(row, 'execution_id'),
    eventId: text(row, 'event_id'),
    eventType: text(row, 'event_type'),
    sequence: count(row, 'sequence'),
    url: text(row, 'url'),
    status: text(row, 'status'),
    attempts: count(row, 'attempts'),
    scheduledAt: time(row, 'scheduled_at'),
    ...maybe(row, 'next_attempt_at', 'nextAttemptAt', time),
    ...maybe(row, 'finished_at', 'finishedAt', time),
    revision: count(row, 'revision'),
    position: amount(row, 'position'),
  }),
  isFinal: ({ status }) => status !== 'WAITING',
};

interface DeliveryAttemptRow {
  readonly deliveryId: DeliveryId;
  readonly attempt: number;
  readonly succeeded: boolean;
  readonly httpStatus: number | undefined;
  readonly reason: string | undefined;
  readonly latencyMs: number;
  readonly at: Timestamp;
  readonly position: bigint;
}

type AttemptKey = Pick<DeliveryAttemptRow, 'deliveryId' | 'attempt'>;

export const deliveryAttempts: Table<AttemptKey, DeliveryAttemptRow> = {
  name: 'delivery_attempts',
  key: [
    column('delivery_id', 'text', ({ deliveryId }) => deliveryId),
    column('attempt', 'integer', ({ attempt }) => attempt),
  ],
  rest: [
    column('succeeded', 'boolean', ({ succeeded }) => succeeded),
    column('http_status', 'integer', ({ httpStatus }) => httpStatus),
    column('reason', 'text', ({ reason }) => reason),
    column('latency_ms', 'bigint', ({ latencyMs }) => latencyMs),
    column('at', 'timestamptz', ({ at }) => at),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ deliveryId, attempt }) => `${deliveryId}/${attempt}`,
};
