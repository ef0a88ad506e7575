/**
 * What happened to an execution is owed to its `webhook_url`: each event is scheduled as a delivery
 * of its own, and attempted outside the handler, so that one slow address never delays another.
 */
import type { WebhookEventType } from '../../contracts/events/delivery.js';
import type { ExecutionEvent, ExecutionRequested } from '../../contracts/events/execution.js';
import {
  deliveryIdOf,
  publicEventIdOf,
  type DeliveryId,
  type ExecutionId,
} from '../../contracts/ids.js';
import { idOf } from '../../contracts/streams.js';
import { CLASSIC_EVENTS, WEBHOOK_EVENTS } from '../../contracts/webhooks/body.js';
import * as Delivery from '../../domain/delivery/delivery.js';
import { timelineOf } from '../../domain/execution/timeline.js';
import { readEvents, transact } from '../../infra/deciding/transact.js';
import type { Group, Wake } from '../../infra/event-bus/port.js';
import type { Infra } from '../../infra/infra.js';
import { causeOf } from '../cause.js';
import { openDeliveryAttempts } from './attempt.js';

export interface DeliverWebhooks {
  readonly group: Group;
  /** What a timer does when an attempt is due (also a first one that was lost). */
  attempt(deliveryId: DeliveryId): Promise<string>;
  drain(waitMs: number): Promise<void>;
}

export function openDeliverWebhooks(infra: Infra): DeliverWebhooks {
  const attempts = openDeliveryAttempts(infra);
  return {
    attempt: (deliveryId) => attempts.attempt(deliveryId),
    drain: (waitMs) => attempts.drain(waitMs),
    group: {
      name: 'deliver-webhooks',
      categories: ['execution'],
      wakesOn: [
        'ProviderDispatched',
        'ExecutionCompleted',
        'ExecutionFailed',
        'ExecutionCancelled',
        'ExecutionExpired',
      ],
      concurrencyMax: 512,
      attemptsMax: 30,
      async handle(wake) {
        const deliveryId = await schedule(infra, wake);
        if (!deliveryId) return 'nothing_owed';
        attempts.start(deliveryId);
        return 'scheduled';
      },
    },
  };
}

/** The delivery that this wake made due; undefined when none is owed or it is known already. */
async function schedule(infra: Infra, wake: Wake): Promise<DeliveryId | undefined> {
  const events = await readEvents<ExecutionEvent>(infra.store, wake.stream);
  const request = requestOf(events);
  if (!request?.webhookUrl) return undefined;
  const timeline = timelineOf(events);
  const entry = timeline.find(({ revision }) => revision === wake.revision);
  const wanted = (request.webhookEvents ?? CLASSIC_EVENTS) as readonly string[];
  if (!entry || !wanted.includes(entry.type) || !isTold(entry.type)) return undefined;
  const { organizationId, webhookUrl: url } = request;
  const executionId = idOf(wake.stream) as ExecutionId;
  const deliveryId = deliveryIdOf(executionId, entry.type, url);
  const command: Delivery.Command = {
    type: 'Schedule',
    data: {
      deliveryId,
      organizationId,
      executionId,
      eventId: publicEventIdOf(executionId, entry.sequence),
      eventType: entry.type,
      sequence: entry.sequence,
      revision: entry.revision,
      url,
      at: new Date(infra.now()).toISOString(),
    },
  };
  const cause = causeOf('deliver-webhooks', executionId, wake);
  const { outcome } = await transact(infra.store, Delivery, deliveryId, command, cause);
  return outcome === 'accepted' ? deliveryId : undefined;
}

const isTold = (type: string): type is WebhookEventType =>
  (WEBHOOK_EVENTS as readonly string[]).includes(type);

/** The newest request: an abandoned one was nobody's. */
function requestOf(events: readonly ExecutionEvent[]): ExecutionRequested['data'] | undefined {
  const requested = events.findLast(({ type }) => type === 'ExecutionRequested');
  return requested?.type === 'ExecutionRequested' ? requested.data : undefined;
}
