/**
 * Each event of an execution that its `webhook_url` wants is scheduled as a delivery of its own,
 * and attempted outside the handler, so that one slow address never delays another.
 */
import type { WebhookEventType } from '../../contracts/events/delivery.js';
import type { ExecutionEvent, ExecutionRequested } from '../../contracts/events/execution.js';
import { deliveryIdOf, publicEventIdOf } from '../../contracts/ids.js';
import { idOf } from '../../contracts/streams.js';
import { CLASSIC_EVENTS, WEBHOOK_EVENTS } from '../../contracts/webhooks/body.js';
import type * as Delivery from '../../domain/delivery/delivery.js';
import { timelineOf, timelineTypeOf, type TimelineType } from '../../domain/execution/timeline.js';
import { readEvents } from '../../command-handling/streams.js';
import type { Group, Notification } from '../../infra/event-bus/port.js';
import type { Infra } from '../../runtime/infra.js';
import type { Worker } from '../../infra/worker.js';
import { metadataOf } from '../command-metadata.js';
import { openDeliveryAttempts, type DeliveryAttempts } from './attempts.js';
import { bodyOf } from './body.js';
import { dueDeliveries } from './due-deliveries.js';

export interface DeliverWebhooks {
  readonly group: Group;
  /** Brings back what is to be attempted again, or was never attempted. */
  readonly due: Worker;
  drain(waitMs: number): Promise<void>;
}

export function openDeliverWebhooks(infra: Infra): DeliverWebhooks {
  const attempts = openDeliveryAttempts(infra);
  return {
    due: dueDeliveries(infra, attempts),
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
        const id = idOf(notification.stream);
        const { state } = await infra.executions.load(id, { atLeast: notification.revision });
        if (!('request' in state)) return 'not_requested';
        const { request } = state;
        if (!request.webhookUrl) return 'no_webhook';
        if (!isWanted(request, timelineTypeOf(notification.type as ExecutionEvent['type'])))
          return 'not_due';
        const events = await readEvents<ExecutionEvent>(infra.store, notification.stream);
        return deliver(infra, attempts, notification, events, {
          ...request,
          url: request.webhookUrl,
        });
      },
    },
  };
}

type Recorded = ExecutionEvent & { readonly revision: number };
type Requested = ExecutionRequested['data'];

function isWanted(
  { webhookEvents }: Pick<Requested, 'webhookEvents'>,
  type: TimelineType | undefined,
): type is WebhookEventType & TimelineType {
  const wanted: readonly (string | undefined)[] = webhookEvents ?? CLASSIC_EVENTS;
  return wanted.includes(type) && (WEBHOOK_EVENTS as typeof wanted).includes(type);
}

/** Schedules the delivery that is due, and starts its first attempt unless there was one. */
async function deliver(
  infra: Infra,
  attempts: DeliveryAttempts,
  notification: Notification,
  events: readonly Recorded[],
  request: Requested & { readonly url: string },
): Promise<string> {
  const command = scheduleOf(infra, notification, events, request);
  if (!command) return 'not_due';
  const { deliveryId, executionId } = command.data;
  const metadata = metadataOf('deliver-webhooks', executionId, notification);
  const { deliveries } = infra;
  const result = await deliveries.decide(deliveries.unwritten(deliveryId), command, metadata);
  const isNew = result.outcome === 'accepted';
  const loaded = isNew ? result : await deliveries.load(deliveryId);
  const { state } = loaded;
  // Redelivered after a crash: the delivery was scheduled, and perhaps never attempted.
  if (state.status !== 'waiting' || state.attempts > 0) return 'scheduled_before';
  return attempts.start({ ...loaded, state }, bodyOf(state.scheduled, events));
}

type Schedule = Extract<Delivery.Command, { type: 'Schedule' }>;

/** Undefined where the event repeats an earlier one of the timeline: a second dispatch. */
function scheduleOf(
  { now }: Infra,
  notification: Notification,
  events: readonly Recorded[],
  request: Requested & { readonly url: string },
): Schedule | undefined {
  const entry = timelineOf(events).find(({ revision }) => revision === notification.revision);
  if (!entry || !isWanted(request, entry.type)) return undefined;
  const { executionId, organizationId, url } = request;
  const { type: eventType, sequence, revision } = entry;
  return {
    type: 'Schedule',
    data: {
      deliveryId: deliveryIdOf(executionId, eventType, url),
      organizationId,
      executionId,
      eventType,
      sequence,
      revision,
      url,
      eventId: publicEventIdOf(executionId, sequence),
      at: new Date(now()).toISOString(),
    },
  };
}
