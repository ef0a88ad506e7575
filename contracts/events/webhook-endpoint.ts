/**
 * The facts of what an organization set up for its webhooks: its endpoints, and the secrets that
 * sign. All of one organization are in one stream, `webhookEndpoint-<org>`. No secret is in an
 * event: it is derived from the master key and its generation.
 */
import type { DeliveryId, EventPublicId, OrganizationId, WebhookEndpointId } from '../ids.js';
import type { WebhookEventType } from './delivery.js';
import type { DomainEvent, EventSchema, Timestamp } from './envelope.js';
import { count, eventSchema, flag, id, listOf, oneOf, text, timestamp } from './schema-parts.js';

interface OrganizationFact {
  readonly organizationId: OrganizationId;
  readonly at: Timestamp;
}

interface EndpointFact extends OrganizationFact {
  readonly endpointId: WebhookEndpointId;
}

/** What its organization chose. */
export interface EndpointSettings {
  readonly url: string;
  readonly description?: string;
  /** Empty: the four classic ones. */
  readonly events: readonly WebhookEventType[];
  /** Custom headers, sealed: their values may be credentials of the receiver. */
  readonly headers?: string;
}

/** Digests of an idempotency key and of what was asked under it. */
export interface AskedUnderKey {
  readonly keyDigest: string;
  readonly requestDigest: string;
}

/** Events go to this endpoint from now on, unless it is inactive. Its secret's generation is 1. */
export type WebhookEndpointRegistered = DomainEvent<
  'WebhookEndpointRegistered',
  EndpointFact &
    EndpointSettings & { readonly isActive: boolean; readonly askedUnderKey?: AskedUnderKey }
>;

/** These settings hold from now on, in place of all those before. */
export type WebhookEndpointChanged = DomainEvent<
  'WebhookEndpointChanged',
  EndpointFact & EndpointSettings
>;

/** The secret of this generation signs; the one before it signs too, until `previousUntil`. */
export type WebhookEndpointSecretRotated = DomainEvent<
  'WebhookEndpointSecretRotated',
  EndpointFact & {
    readonly generation: number;
    readonly previousUntil: Timestamp;
    readonly askedUnderKey?: AskedUnderKey;
  }
>;

/**
 * Why an endpoint gets nothing: its organization or an operator wanted it so, it answered 410, its
 * last deliveries were all given up, or every attempt of a day failed.
 */
export type DisabledCause = 'organization' | 'operator' | 'gone' | 'exhausted' | 'failing';

/** The endpoint gets nothing from now on. */
export type WebhookEndpointDisabled = DomainEvent<
  'WebhookEndpointDisabled',
  EndpointFact & { readonly cause: DisabledCause }
>;

/** Events go to the endpoint again. */
export type WebhookEndpointEnabled = DomainEvent<'WebhookEndpointEnabled', EndpointFact>;

/** The endpoint exists no longer. */
export type WebhookEndpointDeleted = DomainEvent<'WebhookEndpointDeleted', EndpointFact>;

/** As `WebhookEndpointSecretRotated`, for the secret that signs what goes to a `webhook_url`. */
export type SigningSecretRotated = DomainEvent<
  'SigningSecretRotated',
  OrganizationFact & {
    readonly generation: number;
    readonly previousUntil: Timestamp;
    readonly askedUnderKey?: AskedUnderKey;
  }
>;

export type WebhookEndpointEvent =
  | WebhookEndpointRegistered
  | WebhookEndpointChanged
  | WebhookEndpointSecretRotated
  | WebhookEndpointDisabled
  | WebhookEndpointEnabled
  | WebhookEndpointDeleted
  | SigningSecretRotated;

/** The organization may have a stream of the above; in the one stream `webhookDirectory-all`. */
export type WebhooksSetUp = DomainEvent<'WebhooksSetUp', OrganizationFact>;

/** A test event is due to the endpoint, as this delivery; in the stream `webhookTest-<event>`. */
export type WebhookTestRequested = DomainEvent<
  'WebhookTestRequested',
  EndpointFact & { readonly eventId: EventPublicId; readonly deliveryId: DeliveryId }
>;

export type AnyWebhookEndpointEvent = WebhookEndpointEvent | WebhooksSetUp | WebhookTestRequested;

const ofOrganization = { organizationId: id('org'), at: timestamp };
const fact = { ...ofOrganization, endpointId: id('we') };
const settings = { url: text, 'description?': text, events: listOf(text), 'headers?': text };
const digest = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const asked = {
  'askedUnderKey?': {
    type: 'object',
    properties: { keyDigest: digest, requestDigest: digest },
    required: ['keyDigest', 'requestDigest'],
    additionalProperties: false,
  },
};
const rotated = { generation: count, previousUntil: timestamp, ...asked };

export const webhookEndpointSchemas: Record<AnyWebhookEndpointEvent['type'], EventSchema> = {
  WebhookEndpointRegistered: eventSchema('Events go to this endpoint, unless it is inactive.', {
    ...fact,
    ...settings,
    isActive: flag,
    ...asked,
  }),
  WebhookEndpointChanged: eventSchema('These settings hold in place of all those before.', {
    ...fact,
    ...settings,
  }),
  WebhookEndpointSecretRotated: eventSchema('A new secret signs, for a day beside the old one.', {
    ...fact,
    ...rotated,
  }),
  WebhookEndpointDisabled: eventSchema('The endpoint gets nothing from now on.', {
    ...fact,
    cause: oneOf('organization', 'operator', 'gone', 'exhausted', 'failing'),
  }),
  WebhookEndpointEnabled: eventSchema('Events go to the endpoint again.', fact),
  WebhookEndpointDeleted: eventSchema('The endpoint exists no longer.', fact),
  SigningSecretRotated: eventSchema('A new secret signs what goes to a `webhook_url`.', {
    ...ofOrganization,
    ...rotated,
  }),
  WebhooksSetUp: eventSchema('The organization may have webhook endpoints.', ofOrganization),
  WebhookTestRequested: eventSchema('A test event is due to the endpoint.', {
    ...fact,
    eventId: id('evt'),
    deliveryId: id('dlv'),
  }),
};
