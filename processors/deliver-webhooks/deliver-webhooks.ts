/**
 * Each event of an execution goes to its `webhook_url` and to every endpoint of its organization
 * that wants it, to each as a delivery of its own, attempted outside the handler, so that one slow
 * address never delays another. So do events that are not an execution's (other-events.ts).
 */
import type { WebhookEventType } from '../../contracts/events/delivery.js';
import type { ExecutionEvent, ExecutionRequested } from '../../contracts/events/execution.js';
import { publicEventIdOf } from '../../contracts/ids.js';
import { idOf } from '../../contracts/streams.js';
import { CLASSIC_EVENTS, WEBHOOK_EVENTS } from '../../contracts/webhooks/body.js';
import { timelineOf, timelineTypeOf, type TimelineType } from '../../domain/execution/timeline.js';
import { readEvents } from '../../command-handling/streams.js';
import type { Group, Notification } from '../../infra/event-bus/port.js';
import { openFeedNumbers } from '../../infra/read-store/feed-numbers.js';
import type { Infra } from '../../runtime/infra.js';
import type { Worker } from '../../infra/worker.js';
import { openDeliveryAttempts } from './attempts.js';
import { bodyOf, numbered } from './body.js';
import { disableFailingEndpoints } from './disable-failing-endpoints.js';
import { dueDeliveries } from './due-deliveries.js';
import { endpointTargets, fanOut, repeatsOf, type Outgoing, type Target } from './fan-out.js';
import { otherEvents } from './other-events.js';

export interface DeliverWebhooks {
  readonly group: Group;
  /** Of events that are not an execution's. */
  readonly others: Group;
  /** Brings back what is to be attempted again, or was never attempted. */
  readonly due: Worker;
  readonly disabling: Worker;
  drain(waitMs: number): Promise<void>;
}

export function openDeliverWebhooks(infra: Infra): DeliverWebhooks {
  const attempts = openDeliveryAttempts(infra);
  const numberOf = openFeedNumbers(infra);
  const { begin, isRepeated } = repeatsOf(infra.store);
  return {
    due: dueDeliveries(infra, attempts),
    disabling: disableFailingEndpoints(infra),
    drain: (waitMs) => attempts.drain(waitMs),
    others: otherEvents(infra, attempts, numberOf),
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
      begin,
      async handle(notification) {
        const id = idOf(notification.stream);
        const { state } = await infra.executions.load(id, { atLeast: notification.revision });
        if (!('request' in state)) return 'not_requested';
        const { request } = state;
        const type = timelineTypeOf(notification.type as ExecutionEvent['type']);
        if (!isSent(type)) return 'not_due';
        const asked = infra.webhooks.settingsOf(request.organizationId);
        const settings = asked instanceof Promise ? await asked : asked;
        const targets = targetsOf(request, type);
        targets.push(...endpointTargets(settings, type));
        if (targets.length === 0) return 'not_due';
        const { stream, revision: through } = notification;
        const events = await readEvents<ExecutionEvent>(infra.store, stream, { through });
        const found = toldOf(request, notification, events);
        if (!found) return 'not_due';
        const told = numbered(found.told, await numberOf(notification.position));
        const body = bodyOf(told, events);
        const outgoing = { ...found, told, body, settings, notification };
        return fanOut(
          infra,
          attempts,
          { ...outgoing, isRepeated: isRepeated(notification) },
          targets,
        );
      },
    },
  };
}

type Recorded = ExecutionEvent & { readonly revision: number };

type Requested = ExecutionRequested['data'];

function targetsOf({ webhookUrl, webhookEvents }: Requested, type: WebhookEventType): Target[] {
  if (webhookUrl === undefined) return [];
  const wanted: readonly string[] = webhookEvents ?? CLASSIC_EVENTS;
  return wanted.includes(type) ? [{ url: webhookUrl }] : [];
}

const isSent = (type: TimelineType | undefined): type is WebhookEventType & TimelineType =>
  (WEBHOOK_EVENTS as readonly (string | undefined)[]).includes(type);

/** Undefined where the event repeats an earlier one of the timeline: a second dispatch. */
function toldOf(
  { executionId, organizationId }: Requested,
  { revision }: Notification,
  events: readonly Recorded[],
): Pick<Outgoing, 'told' | 'happenedAt'> | undefined {
  const entry = timelineOf(events).find((one) => one.revision === revision);
  if (!entry || !isSent(entry.type)) return undefined;
  const { type: eventType, sequence, at: happenedAt } = entry;
  const eventId = publicEventIdOf(executionId, sequence);
  const told = { organizationId, executionId, eventId, eventType, sequence, revision };
  return { told, happenedAt };
}
