/**
 * The facts of a recovery: what an endpoint missed since some moment is sent to it again. All of
 * one endpoint are in one stream, `webhookRecovery-<endpoint>`, so that one runs at a time.
 */
import type { OrganizationId, WebhookEndpointId } from '../ids.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { count, eventSchema, id, slug, timestamp } from './schema-parts.js';

interface RecoveryFact {
  readonly endpointId: WebhookEndpointId;
  readonly organizationId: OrganizationId;
  /** Names the recovery. */
  readonly recoveryId: string;
  readonly at: Timestamp;
}

/** Deliveries scheduled from `since` to the moment of this event are to be sent again. */
export type RecoveryRequested = DomainEvent<
  'RecoveryRequested',
  RecoveryFact & { readonly since: Timestamp }
>;

/** All of them wait for an attempt; `redelivered` is how many. */
export type RecoveryFinished = DomainEvent<
  'RecoveryFinished',
  RecoveryFact & { readonly redelivered: number }
>;

export type WebhookRecoveryEvent = RecoveryRequested | RecoveryFinished;

const fact = { endpointId: id('we'), organizationId: id('org'), recoveryId: slug, at: timestamp };

export const webhookRecoverySchemas: Record<WebhookRecoveryEvent['type'], EventSchema> = {
  RecoveryRequested: eventSchema('What an endpoint missed is to be sent again.', {
    ...fact,
    since: timestamp,
  }),
  RecoveryFinished: eventSchema('All that the endpoint missed waits for an attempt.', {
    ...fact,
    redelivered: count,
  }),
};
