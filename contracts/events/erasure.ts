/** What was erased of an execution, beside its story, which never changes once it is over. */
import type { ExecutionId, FileId, OrganizationId } from '../ids.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import type { PayloadRef } from './execution.js';
import { eventSchema, id, listOf, oneOf, payloadRef, size, timestamp } from './schema-parts.js';

/** Somebody asked for it; or the time for which payloads are kept is up. */
const ERASURE_CAUSES = ['asked', 'retention'] as const;

/**
 * The contents of an execution are not read any more: its input, what providers answered, and its
 * output. What is stored of them is removed after this is in the log. Digests and amounts stay.
 */
export type PayloadsErased = DomainEvent<
  'PayloadsErased',
  {
    readonly executionId: ExecutionId;
    readonly organizationId: OrganizationId;
    readonly cause: (typeof ERASURE_CAUSES)[number];
    readonly payloads: readonly PayloadRef[];
    /** Of the payloads together. */
    readonly bytes: number;
    /** Its output files, which are deleted with it. */
    readonly files: readonly FileId[];
    readonly at: Timestamp;
  }
>;

export type ErasureEvent = PayloadsErased;

export const erasureSchemas: Record<ErasureEvent['type'], EventSchema> = {
  PayloadsErased: eventSchema('The contents of an execution are erased.', {
    executionId: id('exec'),
    organizationId: id('org'),
    cause: oneOf(...ERASURE_CAUSES),
    payloads: listOf(payloadRef),
    bytes: size,
    files: listOf(id('file')),
    at: timestamp,
  }),
};
