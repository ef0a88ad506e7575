/**
 * What happened to an execution is owed to its `webhook_url`: each event is scheduled as a delivery
 * of its own, and attempted outside the handler, so that one slow address never delays another.
 */
import { LRUCache } from 'lru-cache';
import type { WebhookEventType } from '../../contracts/events/delivery.js';
import type { ExecutionEvent, ExecutionRequested } from '../../contracts/events/execution.js';
import {
  deliveryIdOf,
  publicEventIdOf,
  type DeliveryId,
  type ExecutionId,
} from '../../contracts/ids.js';
import { idOf, type StreamName } from '../../contracts/streams.js';
import { CLASSIC_EVENTS, WEBHOOK_EVENTS } from '../../contracts/webhooks/body.js';
import type * as Delivery from '../../domain/delivery/delivery.js';
import { timelineOf } from '../../domain/execution/timeline.js';
import { readEvents } from '../../command-handling/streams.js';
import type { Group, Notification } from '../../infra/event-bus/port.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';
import { openDeliveryAttempts, type DeliveryAttempts, type Started } from './attempts.js';
import { bodyOf } from './body.js';

export interface DeliverWebhooks {
  readonly group: Group;
  /** What a timer does when an attempt is due (also a first one that was lost). */
  attempt(deliveryId: DeliveryId, executionId: ExecutionId): Started;
  drain(waitMs: number): Promise<void>;
}

/** Executions without a webhook are met again when they end; these need no second look. */
const UNTOLD_MAX = 20_000;

export function openDeliverWebhooks(infra: Infra): DeliverWebhooks {
  const attempts = openDeliveryAttempts(infra);
  const untold = new LRUCache<StreamName, true>({ max: UNTOLD_MAX });
  return {
    attempt: (deliveryId, executionId) => attempts.start(deliveryId, executionId),
    drain: (waitMs) => attempts.drain(waitMs),
    group: {
      name: 'deliver-webhooks',
      categories: ['execution'],
      subscribesTo: [
        'ProviderDispatched',
        'ExecutionCompleted',
        'ExecutionFailed',
        'ExecutionCancelled',
        'ExecutionExpired',
      ],
      concurrencyMax: 512,
      attemptsMax: 30,
      async handle(notification) {
        if (untold.has(notification.stream)) return 'nothing_owed';
        const events = await readEvents<ExecutionEvent>(infra.store, notification.stream);
        const request = requestOf(events);
        if (!request) return 'not_requested';
        if (request.webhookUrl) return deliver(infra, attempts, notification, events, request);
        untold.set(notification.stream, true);
        return 'nothing_owed';
      },
    },
  };
}

type Recorded = ExecutionEvent & { readonly revision: number };
type Requested = ExecutionRequested['data'];

/** Schedules what this notification made due, and starts the first attempt if nobody has made it. */
async function deliver(
  infra: Infra,
  attempts: DeliveryAttempts,
  notification: Notification,
  events: readonly Recorded[],
  request: Requested,
): Promise<string> {
  const command = scheduleOf(infra, notification, events, request);
  if (!command) return 'not_told';
  const { deliveryId, executionId } = command.data;
  const metadata = metadataOf('deliver-webhooks', executionId, notification);
  const { deliveries } = infra;
  const result = await deliveries.decide(deliveries.unwritten(deliveryId), command, metadata);
  const isNew = result.outcome === 'accepted';
  const loaded = isNew ? result : await deliveries.load(deliveryId);
  const { state } = loaded;
  // A redelivered notification finds the delivery scheduled, perhaps never attempted.
  if (state.status !== 'waiting' || state.attempts > 0) return 'scheduled_before';
  const due = { loaded: { ...loaded, state }, body: bodyOf(state.scheduled, events) };
  return attempts.start(deliveryId, executionId, due);
}

type Schedule = Extract<Delivery.Command, { type: 'Schedule' }>;

/** Undefined when the receiver is not told of this event. */
function scheduleOf(
  { now }: Infra,
  notification: Notification,
  events: readonly Recorded[],
  { organizationId, webhookUrl: url, webhookEvents }: Requested,
): Schedule | undefined {
  const entry = timelineOf(events).find(({ revision }) => revision === notification.revision);
  const wanted: readonly string[] = webhookEvents ?? CLASSIC_EVENTS;
  if (!url || !entry || !wanted.includes(entry.type) || !isTold(entry.type)) return undefined;
  const { type: eventType, sequence, revision } = entry;
  const executionId = idOf(notification.stream) as ExecutionId;
  return {
    type: 'Schedule',
    data: {
      deliveryId: deliveryIdOf(executionId, eventType, url),
      ...{ organizationId, executionId, eventType, sequence, revision, url },
      eventId: publicEventIdOf(executionId, sequence),
      at: new Date(now()).toISOString(),
    },
  };
}

const isTold = (type: string): type is WebhookEventType =>
  (WEBHOOK_EVENTS as readonly string[]).includes(type);

/** The newest request: an abandoned one was nobody's. */
function requestOf(events: readonly ExecutionEvent[]): Requested | undefined {
  const requested = events.findLast(({ type }) => type === 'ExecutionRequested');
  return requested?.type === 'ExecutionRequested' ? requested.data : undefined;
}
