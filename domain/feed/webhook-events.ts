/**
 * Webhook endpoints, recoveries and deliveries in the feed: no secret, no custom header, and
 * nothing of what a receiver answered but its status.
 */
import type { DeliveryEvent } from '../../contracts/events/delivery.js';
import type {
  AnyWebhookEndpointEvent,
  EndpointSettings,
} from '../../contracts/events/webhook-endpoint.js';
import type { WebhookRecoveryEvent } from '../../contracts/events/webhook-recovery.js';
import {
  actorData,
  type FeedData,
  type Source,
  type FeedMapping,
  type FeedContent,
} from './feed-content.js';

type EndpointEvent = Extract<AnyWebhookEndpointEvent, { data: { endpointId: unknown } }>;

export const endpointEvents: FeedMapping<AnyWebhookEndpointEvent> = {
  WebhookEndpointRegistered: (event) =>
    ofEndpoint('webhook_endpoint.created', event, {
      ...settingsData(event.data),
      is_active: event.data.isActive,
      disabled_reason: event.data.isActive ? null : 'organization',
      created_at: event.data.at,
      updated_at: event.data.at,
    }),
  WebhookEndpointChanged: (event) =>
    ofEndpoint('webhook_endpoint.changed', event, {
      ...settingsData(event.data),
      updated_at: event.data.at,
    }),
  WebhookEndpointSecretRotated: (event) =>
    ofEndpoint('webhook_endpoint.secret_rotated', event, {
      previous_secret_valid_until: event.data.previousUntil,
      updated_at: event.data.at,
    }),
  WebhookEndpointDisabled: (event) =>
    ofEndpoint('webhook_endpoint.disabled', event, {
      is_active: false,
      disabled_reason: event.data.cause,
      disabled_at: event.data.at,
      updated_at: event.data.at,
    }),
  WebhookEndpointEnabled: (event) =>
    ofEndpoint('webhook_endpoint.enabled', event, {
      is_active: true,
      disabled_reason: null,
      disabled_at: null,
      updated_at: event.data.at,
    }),
  WebhookEndpointDeleted: (event) =>
    ofEndpoint('webhook_endpoint.deleted', event, { deleted_at: event.data.at }),
  SigningSecretRotated: (event) => ({
    type: 'webhook_signing_secret.rotated',
    subject: event.data.organizationId,
    data: { previous_secret_valid_until: event.data.previousUntil, ...actorData(event) },
  }),
  WebhooksSetUp: null,
  WebhookTestRequested: ({ data }) => ({
    type: 'webhook.test',
    subject: data.endpointId,
    data: { endpoint_id: data.endpointId, event_id: data.eventId, delivery_id: data.deliveryId },
  }),
};

export const recoveryEvents: FeedMapping<WebhookRecoveryEvent> = {
  RecoveryRequested: (event) => ({
    type: 'webhook_endpoint.recovery_requested',
    subject: event.data.endpointId,
    data: {
      endpoint_id: event.data.endpointId,
      recovery_id: event.data.recoveryId,
      since: event.data.since,
      until: event.data.at,
      ...actorData(event),
    },
  }),
  RecoveryFinished: ({ data }) => ({
    type: 'webhook_endpoint.recovery_finished',
    subject: data.endpointId,
    data: {
      endpoint_id: data.endpointId,
      recovery_id: data.recoveryId,
      redelivered: data.redelivered,
    },
  }),
};

export const deliveryEvents: FeedMapping<DeliveryEvent> = {
  DeliveryScheduled: ({ data }) => ({
    type: 'delivery.scheduled',
    subject: data.deliveryId,
    data: {
      id: data.deliveryId,
      event_id: data.eventId,
      event_type: data.eventType,
      endpoint_id: data.endpointId ?? null,
      execution_id: data.executionId ?? null,
      sequence: data.sequence ?? null,
      ...(data.feedSequence !== undefined && { feed_sequence: data.feedSequence }),
      url: data.url,
      status: 'WAITING',
      cause: null,
      attempts: 0,
      last_status: null,
      created_at: data.at,
      next_attempt_at: null,
      finished_at: null,
    },
  }),
  DeliveryAttemptFailed: ({ data }) =>
    attempted('delivery.attempt_failed', data, {
      status: 'WAITING',
      last_status: data.status ?? null,
      cause: null,
      next_attempt_at: data.nextAttemptAt,
      finished_at: null,
    }),
  DeliverySucceeded: ({ data }) =>
    attempted('delivery.succeeded', data, {
      status: 'SUCCEEDED',
      last_status: data.status,
      cause: null,
      next_attempt_at: null,
      finished_at: data.at,
    }),
  DeliveryExhausted: ({ data }) =>
    attempted('delivery.exhausted', data, {
      status: 'EXHAUSTED',
      last_status: data.status ?? null,
      cause: data.cause,
      next_attempt_at: null,
      finished_at: data.at,
    }),
  DeliveryStopped: ({ data }) => ({
    type: 'delivery.exhausted',
    subject: data.deliveryId,
    data: {
      id: data.deliveryId,
      status: 'EXHAUSTED',
      cause: data.cause,
      next_attempt_at: null,
      finished_at: data.at,
    },
  }),
  RedeliveryRequested: (event) => ({
    type: 'delivery.redelivery_requested',
    subject: event.data.deliveryId,
    data: {
      id: event.data.deliveryId,
      status: 'WAITING',
      cause: null,
      next_attempt_at: event.data.at,
      finished_at: null,
      ...actorData(event),
    },
  }),
};

const ofEndpoint = (
  type: FeedContent['type'],
  event: Source<EndpointEvent>,
  more: FeedData,
): FeedContent => ({
  type,
  subject: event.data.endpointId,
  data: { id: event.data.endpointId, ...more, ...actorData(event) },
});

const settingsData = ({ url, description, events }: EndpointSettings): FeedData => ({
  url,
  description: description ?? null,
  events,
});

type Attempt = Extract<DeliveryEvent, { data: { attempt: number } }>['data'];

function attempted(type: FeedContent['type'], data: Attempt, more: FeedData): FeedContent {
  const { deliveryId, attempt, latencyMs } = data;
  const made = {
    id: deliveryId,
    attempts: attempt,
    latency_ms: latencyMs,
    reason: 'reason' in data ? data.reason : null,
    ...more,
  };
  return { type, subject: deliveryId, data: made };
}
