/** The facts of one webhook delivery: one event of an execution, told to one address. */
import type { DeliveryId, EventPublicId, ExecutionId, OrganizationId } from '../ids.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { count, eventSchema, id, oneOf, size, text, timestamp } from './schema-parts.js';

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
  readonly executionId: ExecutionId;
  readonly at: Timestamp;
}

/**
 * The event is owed to `url`. The body is rebuilt from the execution's stream up to and including
 * `revision`, so that it is the same on every attempt.
 */
export type DeliveryScheduled = DomainEvent<
  'DeliveryScheduled',
  DeliveryFact & {
    readonly eventId: EventPublicId;
    readonly eventType: WebhookEventType;
    readonly sequence: number;
    readonly revision: number;
    readonly url: string;
  }
>;

/** An attempt was not answered with 2xx; the next one is due at `nextAttemptAt`. */
export type DeliveryAttemptFailed = DomainEvent<
  'DeliveryAttemptFailed',
  DeliveryFact & {
    readonly attempt: number;
    readonly status?: number;
    readonly reason: string;
    readonly latencyMs: number;
    readonly nextAttemptAt: Timestamp;
  }
>;

/** The receiver answered 2xx. */
export type DeliverySucceeded = DomainEvent<
  'DeliverySucceeded',
  DeliveryFact & { readonly attempt: number; readonly status: number; readonly latencyMs: number }
>;

/** No further attempt will be made. */
export type DeliveryExhausted = DomainEvent<
  'DeliveryExhausted',
  DeliveryFact & {
    readonly attempt: number;
    readonly status?: number;
    readonly reason: string;
    readonly latencyMs: number;
    readonly cause: 'attempts' | 'age' | 'gone' | 'refused';
  }
>;

export type DeliveryEvent =
  DeliveryScheduled | DeliveryAttemptFailed | DeliverySucceeded | DeliveryExhausted;

const fact = {
  deliveryId: id('dlv'),
  organizationId: id('org'),
  executionId: id('exec'),
  at: timestamp,
};
const tried = { ...fact, attempt: count, latencyMs: size };

export const deliverySchemas: Record<DeliveryEvent['type'], EventSchema> = {
  DeliveryScheduled: eventSchema('An event is owed to an address.', {
    ...fact,
    eventId: id('evt'),
    eventType: text,
    sequence: count,
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
};
