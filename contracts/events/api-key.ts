/** The facts of one API key: what it may do, the secrets that open it, and its end. */
import type { Promises } from '../catalogue/capabilities.js';
import type { ApiKeyId, OrganizationId } from '../ids.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { requestRateFields, type RequestRate } from './organization.js';
import { eventSchema, id, listOf, oneOf, requirements, text, timestamp } from './schema-parts.js';

/** What a key may do at all; `contracts/http/permissions.ts` has the table. */
export const PERMISSIONS = ['FULL', 'DEVELOPER', 'EXECUTION_ONLY', 'BILLING', 'AUDITOR'] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** What binds a key beside its permission; what is absent binds nothing. */
export interface KeyLimits {
  /** It is refused from then on. */
  readonly expiresAt?: Timestamp;
  /** Networks in their shortest form (`203.0.113.0/24`, `2001:db8::/32`); no other is let in. */
  readonly ipAllowList?: readonly string[];
  /** Slugs of the models that may be run with it. */
  readonly allowedModels?: readonly string[];
  /** Required of every execution that is submitted with it. */
  readonly require?: Promises;
}

interface KeyFact {
  readonly organizationId: OrganizationId;
  readonly keyId: ApiKeyId;
  readonly at: Timestamp;
}

/** A key may be used. Only its SHA-256 is known to the log; `hint` is its last four characters. */
export type ApiKeyCreated = DomainEvent<
  'ApiKeyCreated',
  KeyFact &
    KeyLimits & {
      readonly name: string;
      readonly permission: Permission;
      readonly hash: string;
      readonly hint: string;
    }
>;

/** This name and these limits hold from now on; those that are absent bind nothing any more. */
export type ApiKeyChanged = DomainEvent<
  'ApiKeyChanged',
  KeyFact & KeyLimits & { readonly name: string }
>;

/** Another secret opens the key; the one before opens it until `previousValidUntil`. */
export type ApiKeyRotated = DomainEvent<
  'ApiKeyRotated',
  KeyFact & {
    readonly hash: string;
    readonly hint: string;
    readonly previousValidUntil: Timestamp;
  }
>;

/** In the stream that is found by a secret of a rotation: the key that this secret opens. */
export type ApiKeySecretAdded = DomainEvent<'ApiKeySecretAdded', KeyFact>;

/** The key is refused from now on (within one second everywhere), whatever opened it. */
export type ApiKeyRevoked = DomainEvent<'ApiKeyRevoked', KeyFact>;

/** The key has a limit of its own from now on; what is absent is as its organization's. */
export type ApiKeyRequestRateSet = DomainEvent<
  'ApiKeyRequestRateSet',
  KeyFact & Partial<RequestRate>
>;

export type ApiKeyEvent =
  | ApiKeyCreated
  | ApiKeyChanged
  | ApiKeyRotated
  | ApiKeySecretAdded
  | ApiKeyRevoked
  | ApiKeyRequestRateSet;

const fact = { organizationId: id('org'), keyId: id('key'), at: timestamp };
const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const limits = {
  'expiresAt?': timestamp,
  'ipAllowList?': listOf(text),
  'allowedModels?': listOf(text),
  'require?': requirements,
};

export const apiKeySchemas: Record<ApiKeyEvent['type'], EventSchema> = {
  ApiKeyCreated: eventSchema('A key may be used.', {
    ...fact,
    name: text,
    permission: oneOf(...PERMISSIONS),
    hash: sha256,
    hint: text,
    ...limits,
  }),
  ApiKeyChanged: eventSchema('The name and the limits of a key; absent ones bind nothing.', {
    ...fact,
    name: text,
    ...limits,
  }),
  ApiKeyRotated: eventSchema('Another secret opens the key; the one before does for a while.', {
    ...fact,
    hash: sha256,
    hint: text,
    previousValidUntil: timestamp,
  }),
  ApiKeySecretAdded: eventSchema('The key that the secret of this stream opens.', fact),
  ApiKeyRevoked: eventSchema('The key is refused from now on.', fact),
  ApiKeyRequestRateSet: eventSchema('The key has a limit of its own.', {
    ...fact,
    ...requestRateFields,
  }),
};
