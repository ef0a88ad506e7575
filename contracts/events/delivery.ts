/** The facts of one webhook delivery: one event, sent to one endpoint or one `webhook_url`. */
import type {
  DeliveryId,
  EventPublicId,
  ExecutionId,
  OrganizationId,
  WebhookEndpointId,
} from '../ids.js';
import type { StreamName } from '../streams.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { count, eventSchema, id, oneOf, size, slug, text, timestamp } from './schema-parts.js';

export type WebhookEventType =
  | 'execution.started'
  | 'execution.completed'
  | 'execution.failed'
  | 'execution.cancelled'
  | 'execution.expired'
  | 'batch.completed'
  | 'file.ready'
  | 'balance.low'
  | 'webhook.test';

interface DeliveryFact {
  readonly deliveryId: DeliveryId;
  readonly organizationId: OrganizationId;
  /** Absent where the event is not an execution's. */
  readonly executionId?: ExecutionId;
  /** Absent where it goes to the `webhook_url` of its execution. */
  readonly endpointId?: WebhookEndpointId;
  readonly at: Timestamp;
}

/**
 * The event is due to `url`, or to wherever the endpoint is at an attempt. The body is rebuilt from
 * the stream `source`, the execution's unless given, up to and including `revision`, so that it is
 * the same on every attempt.
 */
export type DeliveryScheduled = DomainEvent<
  'DeliveryScheduled',
  DeliveryFact & {
    readonly eventId: EventPublicId;
    readonly eventType: WebhookEventType;
    /** Of an execution's event. */
    readonly sequence?: number;
    /** The event's number in its organization's feed; absent where it was not known in time. */
    readonly feedSequence?: number;
    readonly source?: StreamName;
    readonly revision: number;
    readonly url: string;
  }
>;

interface Tried extends DeliveryFact {
  readonly attempt: number;
  readonly latencyMs: number;
  /** The first characters of the receiver's answer. */
  readonly answer?: string;
}

/** An attempt was not answered with 2xx; the next one is due at `nextAttemptAt`. */
export type DeliveryAttemptFailed = DomainEvent<
  'DeliveryAttemptFailed',
  Tried & {
    readonly status?: number;
    readonly reason: string;
    readonly nextAttemptAt: Timestamp;
  }
>;

/** The receiver answered 2xx. */
export type DeliverySucceeded = DomainEvent<
  'DeliverySucceeded',
  Tried & { readonly status: number }
>;

/** The attempt failed, and no further one will be made. */
export type DeliveryExhausted = DomainEvent<
  'DeliveryExhausted',
  Tried & {
    readonly status?: number;
    readonly reason: string;
    readonly cause: 'attempts' | 'age' | 'gone' | 'refused';
  }
>;

/** Why a delivery ended without a further attempt. */
export type StopCause = 'endpoint_deleted' | 'endpoint_inactive';

/** When an attempt was due, its endpoint took none: the delivery is over as an exhausted one is. */
export type DeliveryStopped = DomainEvent<
  'DeliveryStopped',
  DeliveryFact & { readonly cause: StopCause }
>;

/**
 * It is sent again as if it were new, under its event id. `requestId` names who asked; `attempts`
 * were made before, by which it became what it `was`.
 */
export type RedeliveryRequested = DomainEvent<
  'RedeliveryRequested',
  DeliveryFact & {
    readonly requestId: string;
    readonly attempts: number;
    readonly was: 'waiting' | 'succeeded' | 'exhausted';
  }
>;

export type DeliveryEvent =
  | DeliveryScheduled
  | DeliveryAttemptFailed
  | DeliverySucceeded
  | DeliveryExhausted
  | DeliveryStopped
  | RedeliveryRequested;

/** Of an answer, so much is kept. */
export const ANSWER_LENGTH_MAX = 256;

const fact = {
  deliveryId: id('dlv'),
  organizationId: id('org'),
  'executionId?': id('exec'),
  'endpointId?': id('we'),
  at: timestamp,
};
const tried = { ...fact, attempt: count, latencyMs: size, 'answer?': text };

export const deliverySchemas: Record<DeliveryEvent['type'], EventSchema> = {
  DeliveryScheduled: eventSchema('An event is due to an address.', {
    ...fact,
    eventId: id('evt'),
    eventType: slug,
    'sequence?': count,
    'feedSequence?': size,
    'source?': text,
    revision: count,
    url: text,
  }),
  DeliveryAttemptFailed: eventSchema('An attempt was not answered with 2xx.', {
    ...tried,
    'status?': count,
    reason: text,
    nextAttemptAt: timestamp,
  }),
  DeliverySucceeded: eventSchema('The receiver answered 2xx.', { ...tried, status: count }),
  DeliveryExhausted: eventSchema('No further attempt will be made.', {
    ...tried,
    'status?': count,
    reason: text,
    cause: oneOf('attempts', 'age', 'gone', 'refused'),
  }),
  DeliveryStopped: eventSchema('The endpoint was deleted or inactive when an attempt was due.', {
    ...fact,
    cause: oneOf('endpoint_deleted', 'endpoint_inactive'),
  }),
  RedeliveryRequested: eventSchema('It is sent again as if it were new.', {
    ...fact,
    requestId: slug,
    attempts: count,
    was: oneOf('waiting', 'succeeded', 'exhausted'),
  }),
};
