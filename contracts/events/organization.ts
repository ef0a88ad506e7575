/** The facts of an organization: its quotas and its places for API keys. */
import type { Promises } from '../catalogue/capabilities.js';
import type { ApiKeyId, OrganizationId } from '../ids.js';
import { TTL_DAYS_MAX } from './file.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { eventSchema, id, requirements, text, timestamp } from './schema-parts.js';

/** Highest values of quotas that an operator may set. */
export const WAITING_EXECUTIONS_MAX = 1_000_000;
export const STORAGE_BYTES_MAX = 1_000_000_000_000_000;
export const WEIGHT_MAX = 100;
export const PAYLOAD_TTL_DAYS_MAX = 3_650;
/** Highest values of limits of requests. */
export const REQUESTS_PER_MINUTE_MAX = 1_000_000;
export const REQUEST_BURST_MAX = 100_000;

interface OrganizationFact {
  readonly organizationId: OrganizationId;
  readonly at: Timestamp;
}

/** A tenant exists. */
export type OrganizationCreated = DomainEvent<
  'OrganizationCreated',
  OrganizationFact & { readonly name: string }
>;

/** One of the organization's places for keys is taken; written before the key itself. */
export type ApiKeyGranted = DomainEvent<
  'ApiKeyGranted',
  OrganizationFact & { readonly keyId: ApiKeyId }
>;

/** The place is free again; written after the key was revoked. */
export type ApiKeyWithdrawn = DomainEvent<
  'ApiKeyWithdrawn',
  OrganizationFact & { readonly keyId: ApiKeyId }
>;

/** What an organization may have. */
export interface Quotas {
  /** Executions that are accepted and not over. */
  readonly waitingExecutions: number;
  /** Of inputs, outputs and files together. */
  readonly storageBytes: number;
  /** Its share where work of several organizations waits: twice the weight, twice the share. */
  readonly weight: number;
  /** How long a file is kept that does not say so itself. */
  readonly fileTtlDays: number;
  /** After so many days the payloads of an execution that is over are erased; never if absent. */
  readonly payloadTtlDays?: number;
}

/** How often somebody may ask. */
export interface RequestRate {
  /** Zero: as often as they like. */
  readonly requestsPerMinute: number;
  /** What may come at once. */
  readonly requestBurst: number;
}

/** These quotas and limits hold from now on; those that are absent are as everybody's. */
export type OrganizationQuotasSet = DomainEvent<
  'OrganizationQuotasSet',
  OrganizationFact & Partial<Quotas & RequestRate>
>;

/** This is required of each of its executions from now on; nothing where it is absent. */
export type OrganizationRequirementsSet = DomainEvent<
  'OrganizationRequirementsSet',
  OrganizationFact & { readonly require?: Promises }
>;

/**
 * Everything that is stored for it is erased: its key is destroyed, and nothing is accepted for it
 * any more. What was recorded of it stays.
 */
export type OrganizationErased = DomainEvent<'OrganizationErased', OrganizationFact>;

export type OrganizationEvent =
  | OrganizationCreated
  | ApiKeyGranted
  | ApiKeyWithdrawn
  | OrganizationQuotasSet
  | OrganizationRequirementsSet
  | OrganizationErased;

const upTo = (maximum: number) => ({ type: 'integer', minimum: 1, maximum });
/** Of the events that set one. */
export const requestRateFields = {
  'requestsPerMinute?': { type: 'integer', minimum: 0, maximum: REQUESTS_PER_MINUTE_MAX },
  'requestBurst?': upTo(REQUEST_BURST_MAX),
};
const fact = { organizationId: id('org'), at: timestamp };
const ofKey = { ...fact, keyId: id('key') };

export const organizationSchemas: Record<OrganizationEvent['type'], EventSchema> = {
  OrganizationCreated: eventSchema('A tenant exists.', { ...fact, name: text }),
  ApiKeyGranted: eventSchema('A place for a key is taken.', ofKey),
  ApiKeyWithdrawn: eventSchema('A place for a key is free again.', ofKey),
  OrganizationQuotasSet: eventSchema('Quotas hold; absent ones are as everybody’s.', {
    ...fact,
    'waitingExecutions?': upTo(WAITING_EXECUTIONS_MAX),
    'storageBytes?': upTo(STORAGE_BYTES_MAX),
    'weight?': upTo(WEIGHT_MAX),
    'fileTtlDays?': upTo(TTL_DAYS_MAX),
    'payloadTtlDays?': upTo(PAYLOAD_TTL_DAYS_MAX),
    ...requestRateFields,
  }),
  OrganizationRequirementsSet: eventSchema('What is required of each execution.', {
    ...fact,
    'require?': requirements,
  }),
  OrganizationErased: eventSchema('The contents of a tenant are erased, for ever.', fact),
};
