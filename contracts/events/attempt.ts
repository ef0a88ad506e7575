/**
 * What reached us about one attempt beside the story of its execution: what its provider called
 * back, and answers that came after the execution was over or had gone on without them. Operators
 * see it; no execution is folded from it.
 */
import type { ExecutionId, OrganizationId } from '../ids.js';
import type { Micros } from '../money.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { usage, type PayloadRef, type Usage } from './execution.js';
import {
  count,
  eventSchema,
  id,
  money,
  oneOf,
  payloadRef,
  text,
  timestamp,
} from './schema-parts.js';

interface AttemptFact {
  readonly executionId: ExecutionId;
  readonly organizationId: OrganizationId;
  readonly attempt: number;
  readonly at: Timestamp;
}

/** A request came to the attempt's callback URL; a processor reads it. */
export type ProviderCallbackReceived = DomainEvent<
  'ProviderCallbackReceived',
  AttemptFact & {
    /** Its headers and its body, as they came. */
    readonly callback: PayloadRef;
    /** SHA-256 of the body: the same one again is no new callback. */
    readonly bodySha256: string;
  }
>;

/** The provider answered after nobody waited any more: nothing is charged, nothing is kept. */
export type ProviderAnsweredLate = DomainEvent<
  'ProviderAnsweredLate',
  AttemptFact & {
    readonly provider: string;
    readonly route: string;
    readonly outcome: 'succeeded' | 'failed' | 'unknown';
    /** What we owe the provider for a success. */
    readonly usage?: Usage;
    readonly providerCost?: Micros;
    readonly detail?: string;
  }
>;

export type AttemptEvent = ProviderCallbackReceived | ProviderAnsweredLate;

const fact = {
  executionId: id('exec'),
  organizationId: id('org'),
  attempt: { ...count, minimum: 1 },
  at: timestamp,
};

export const attemptSchemas: Record<AttemptEvent['type'], EventSchema> = {
  ProviderCallbackReceived: eventSchema("A request came to the attempt's callback URL.", {
    ...fact,
    callback: payloadRef,
    bodySha256: text,
  }),
  ProviderAnsweredLate: eventSchema('The provider answered after nobody waited any more.', {
    ...fact,
    provider: text,
    route: text,
    outcome: oneOf('succeeded', 'failed', 'unknown'),
    'usage?': usage,
    'providerCost?': money,
    'detail?': text,
  }),
};
