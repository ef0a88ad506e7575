/** The record of a top-up or adjustment under its key, for when its account has forgotten it. */
import type { OrganizationId } from '../ids.js';
import type { Micros } from '../money.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { eventSchema, id, money, oneOf, text, timestamp } from './schema-parts.js';

/** Money was moved under `key`; written before the account's state forgets the key. */
export type MovementRecorded = DomainEvent<
  'MovementRecorded',
  {
    readonly organizationId: OrganizationId;
    readonly kind: 'topUp' | 'adjustment';
    /** The operator's idempotency key. */
    readonly key: string;
    readonly amount: Micros;
    readonly at: Timestamp;
  }
>;

export type MovementEvent = MovementRecorded;

export const movementSchemas: Record<MovementEvent['type'], EventSchema> = {
  MovementRecorded: eventSchema('Money was moved under this key; the account may forget it.', {
    organizationId: id('org'),
    kind: oneOf('topUp', 'adjustment'),
    key: text,
    amount: money,
    at: timestamp,
  }),
};
