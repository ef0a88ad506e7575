/** What a webhook carries. */
import type { WebhookEventType } from '../events/delivery.js';
import type { EventPublicId, ExecutionId, OrganizationId } from '../ids.js';

/** Sent without being asked for; every other only to those who name it. */
export const CLASSIC_EVENTS: readonly WebhookEventType[] = [
  'execution.started',
  'execution.completed',
  'execution.failed',
  'execution.cancelled',
];

/** Those of an execution: what its `webhook_url` can be sent. */
export const WEBHOOK_EVENTS: readonly WebhookEventType[] = [...CLASSIC_EVENTS, 'execution.expired'];

/** What an endpoint may name. */
export const ENDPOINT_EVENTS: readonly WebhookEventType[] = [
  ...WEBHOOK_EVENTS,
  'batch.completed',
  'file.ready',
  'balance.low',
];

export interface WebhookBody {
  /** Stable over retries; also the `webhook-id` header. */
  readonly id: EventPublicId;
  readonly type: WebhookEventType;
  readonly event_type: WebhookEventType;
  readonly version: '1.0';
  readonly timestamp: string;
  readonly organization_id: OrganizationId;
  /** Of an execution's event. */
  readonly execution_id?: ExecutionId;
  /** The number of this event in the execution's timeline. */
  readonly sequence?: number;
  /** Its number in the feed of its organization. */
  readonly feed_sequence?: number;
  /** The same JSON as the `GET` of what it is about, at that event. */
  readonly data: unknown;
}
