/** The facts of one batch: executions that were submitted in one call, until all are over. */
import type { ApiKeyId, BatchId, ExecutionId, OrganizationId } from '../ids.js';
import type { Micros } from '../money.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { count, eventSchema, id, listOf, money, timestamp } from './schema-parts.js';

interface BatchFact {
  readonly batchId: BatchId;
  readonly organizationId: OrganizationId;
  readonly at: Timestamp;
}

/** What one call brought into its batch. */
interface Brought {
  readonly apiKeyId: ApiKeyId;
  /** Each once, at most 1,000, in the order of the items; one that existed before is among them. */
  readonly executionIds: readonly ExecutionId[];
  /** Items of the call that were refused. */
  readonly rejected: number;
  /** So many of the executions do not name this batch: they were accepted elsewhere, before. */
  readonly others?: number;
}

/** The items were answered; those that were accepted are executions of this batch. */
export type BatchSubmitted = DomainEvent<
  'BatchSubmitted',
  BatchFact &
    Brought & {
      /** Of the keys of all items: tells a repeat from another batch under the same key. */
      readonly itemsHash: string;
    }
>;

/** A repeat of the call was given what it was refused before: the batch is open (again). */
export type BatchExtended = DomainEvent<'BatchExtended', BatchFact & Brought>;

/** All of its executions that are not over are to be cancelled. */
export type BatchCancelRequested = DomainEvent<
  'BatchCancelRequested',
  BatchFact & { readonly apiKeyId: ApiKeyId }
>;

/** All of its executions are over. */
export type BatchCompleted = DomainEvent<
  'BatchCompleted',
  BatchFact & {
    readonly completed: number;
    readonly failed: number;
    readonly cancelled: number;
    readonly expired: number;
    readonly rejected: number;
    /** What its completed executions were charged together. */
    readonly cost: Micros;
  }
>;

export type BatchEvent = BatchSubmitted | BatchExtended | BatchCancelRequested | BatchCompleted;

const fact = { batchId: id('batch'), organizationId: id('org'), at: timestamp };
const brought = {
  ...fact,
  apiKeyId: id('key'),
  executionIds: listOf(id('exec')),
  rejected: count,
  'others?': count,
};

export const batchSchemas: Record<BatchEvent['type'], EventSchema> = {
  BatchSubmitted: eventSchema('Executions were submitted in one call.', {
    ...brought,
    itemsHash: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  }),
  BatchExtended: eventSchema('A repeat of the call had more of its items accepted.', brought),
  BatchCancelRequested: eventSchema('What is not over of it is to be cancelled.', {
    ...fact,
    apiKeyId: id('key'),
  }),
  BatchCompleted: eventSchema('All of its executions are over.', {
    ...fact,
    completed: count,
    failed: count,
    cancelled: count,
    expired: count,
    rejected: count,
    cost: money,
  }),
};
