/** The facts of operators: their keys, and what they did that no other event tells. */
import type { OperationId, OperatorKeyId } from '../ids.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { eventSchema, id, oneOf, text, timestamp } from './schema-parts.js';

/** ADMIN: everything. SUPPORT: reads and redrives. FINANCE: reads and money. */
export const OPERATOR_ROLES = ['ADMIN', 'SUPPORT', 'FINANCE'] as const;

export type OperatorRole = (typeof OPERATOR_ROLES)[number];

/** An operator may use a key. Only its SHA-256 is known to the log. */
export type OperatorKeyCreated = DomainEvent<
  'OperatorKeyCreated',
  {
    readonly keyId: OperatorKeyId;
    readonly name: string;
    readonly role: OperatorRole;
    readonly hash: string;
    /** Its last four characters. */
    readonly hint: string;
    readonly at: Timestamp;
  }
>;

/** The key is refused from now on (within one second everywhere). */
export type OperatorKeyRevoked = DomainEvent<
  'OperatorKeyRevoked',
  { readonly keyId: OperatorKeyId; readonly at: Timestamp }
>;

/** All keys are facts of one stream, which has this id. */
export const ALL_OPERATORS = 'all';

export type OperatorsEvent = OperatorKeyCreated | OperatorKeyRevoked;

const OPERATIONS = [
  'redrive_dead_letter',
  'drop_dead_letter',
  'rebuild_projection',
  'set_export',
  'remove_export',
  'renew_data_key',
] as const;

/**
 * An operator asked for something that changes no aggregate. It is recorded before it is done; who
 * it was, from where and why is in the metadata.
 */
export type OperationRequested = DomainEvent<
  'OperationRequested',
  {
    readonly operationId: OperationId;
    readonly operation: (typeof OPERATIONS)[number];
    /** What it is done to: `stream@revision` of a group, a projection, an export, a tenant. */
    readonly subject: string;
    readonly at: Timestamp;
  }
>;

export type OperationEvent = OperationRequested;

export const operatorsSchemas: Record<
  OperatorsEvent['type'] | OperationEvent['type'],
  EventSchema
> = {
  OperatorKeyCreated: eventSchema('An operator may use a key.', {
    keyId: id('opk'),
    name: text,
    role: oneOf(...OPERATOR_ROLES),
    hash: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    hint: text,
    at: timestamp,
  }),
  OperatorKeyRevoked: eventSchema('The key of an operator is refused from now on.', {
    keyId: id('opk'),
    at: timestamp,
  }),
  OperationRequested: eventSchema('An operator asked for what changes no aggregate.', {
    operationId: id('opr'),
    operation: oneOf(...OPERATIONS),
    subject: text,
    at: timestamp,
  }),
};
