/** Webhook deliveries, each attempt at them, and how the endpoints take them. */
import type {
  DeliveryExhausted,
  StopCause,
  WebhookEventType,
} from '../../../contracts/events/delivery.js';
import type { Timestamp } from '../../../contracts/events/envelope.js';
import type {
  DeliveryId,
  EventPublicId,
  ExecutionId,
  OrganizationId,
  WebhookEndpointId,
} from '../../../contracts/ids.js';
import {
  amount,
  column,
  count,
  jsonOf,
  maybe,
  parsed,
  text,
  time,
  type Row,
  type Table,
} from '../table.js';

export type DeliveryStatus = 'WAITING' | 'SUCCEEDED' | 'EXHAUSTED';

export interface DeliveryRow {
  readonly id: DeliveryId;
  readonly organizationId: OrganizationId;
  readonly executionId?: ExecutionId;
  readonly endpointId?: WebhookEndpointId;
  readonly eventId: EventPublicId;
  readonly eventType: WebhookEventType;
  readonly sequence?: number;
  readonly url: string;
  readonly status: DeliveryStatus;
  /** Why an exhausted one was given up. */
  readonly cause?: DeliveryExhausted['data']['cause'] | StopCause;
  /** What the newest attempt was answered. */
  readonly httpStatus?: number;
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
    column('endpoint_id', 'text', ({ endpointId }) => endpointId),
    column('cause', 'text', ({ cause }) => cause),
    column('http_status', 'integer', ({ httpStatus }) => httpStatus),
  ],
  idOf: ({ id }) => id,
  read: readDelivery,
  isFinal: ({ status }) => status !== 'WAITING',
};

export function readDelivery(row: Row): DeliveryRow {
  return {
    id: text(row, 'id'),
    organizationId: text(row, 'organization_id'),
    ...maybe(row, 'execution_id', 'executionId', text<ExecutionId>),
    ...maybe(row, 'endpoint_id', 'endpointId', text<WebhookEndpointId>),
    eventId: text(row, 'event_id'),
    eventType: text(row, 'event_type'),
    ...maybe(row, 'sequence', 'sequence', count),
    url: text(row, 'url'),
    status: text(row, 'status'),
    ...maybe(row, 'cause', 'cause', text<NonNullable<DeliveryRow['cause']>>),
    ...maybe(row, 'http_status', 'httpStatus', count),
    attempts: count(row, 'attempts'),
    scheduledAt: time(row, 'scheduled_at'),
    ...maybe(row, 'next_attempt_at', 'nextAttemptAt', time),
    ...maybe(row, 'finished_at', 'finishedAt', time),
    revision: count(row, 'revision'),
    position: amount(row, 'position'),
  };
}

export interface DeliveryAttemptRow {
  readonly deliveryId: DeliveryId;
  readonly attempt: number;
  readonly succeeded: boolean;
  readonly httpStatus: number | undefined;
  readonly reason: string | undefined;
  readonly answer: string | undefined;
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
    column('answer', 'text', ({ answer }) => answer),
  ],
  idOf: ({ deliveryId, attempt }) => `${deliveryId}/${attempt}`,
};

export interface EndpointHealthRow {
  readonly endpointId: WebhookEndpointId;
  readonly organizationId: OrganizationId;
  /** Failed attempts since the last success. */
  readonly failureCount: number;
  readonly lastSuccessAt?: Timestamp;
  readonly lastFailureAt?: Timestamp;
  /** The first failed attempt since the last success, or since the endpoint was activated. */
  readonly failingSince?: Timestamp;
  /** Deliveries that were exhausted by attempts since then. */
  readonly exhaustedInRow: number;
  /** When it answered 410 since then. */
  readonly goneAt?: Timestamp;
  /** When the newest failed attempts since then were, the oldest first. */
  readonly recentFailures: readonly Timestamp[];
  readonly position: bigint;
}

/** So many of `recentFailures` are known. */
export const RECENT_FAILURES_MAX = 10;

export const endpointHealth: Table<Pick<EndpointHealthRow, 'endpointId'>, EndpointHealthRow> = {
  name: 'endpoint_health',
  key: [column('endpoint_id', 'text', ({ endpointId }) => endpointId)],
  rest: [
    column('organization_id', 'text', ({ organizationId }) => organizationId),
    column('failure_count', 'integer', ({ failureCount }) => failureCount),
    column('last_success_at', 'timestamptz', ({ lastSuccessAt }) => lastSuccessAt),
    column('last_failure_at', 'timestamptz', ({ lastFailureAt }) => lastFailureAt),
    column('failing_since', 'timestamptz', ({ failingSince }) => failingSince),
    column('tenth_failure_at', 'timestamptz', ({ recentFailures }) =>
      recentFailures.length < RECENT_FAILURES_MAX ? undefined : recentFailures[0],
    ),
    column('exhausted_in_row', 'integer', ({ exhaustedInRow }) => exhaustedInRow),
    column('gone_at', 'timestamptz', ({ goneAt }) => goneAt),
    column('recent_failures', 'json', ({ recentFailures }) => jsonOf(recentFailures)),
    column('position', 'bigint', ({ position }) => position),
  ],
  idOf: ({ endpointId }) => endpointId,
  read: (row) => ({
    endpointId: text(row, 'endpoint_id'),
    organizationId: text(row, 'organization_id'),
    failureCount: count(row, 'failure_count'),
    ...maybe(row, 'last_success_at', 'lastSuccessAt', time),
    ...maybe(row, 'last_failure_at', 'lastFailureAt', time),
    ...maybe(row, 'failing_since', 'failingSince', time),
    exhaustedInRow: count(row, 'exhausted_in_row'),
    ...maybe(row, 'gone_at', 'goneAt', time),
    recentFailures: parsed<readonly Timestamp[]>(row, 'recent_failures'),
    position: amount(row, 'position'),
  }),
};
