/** An event goes to each of its targets as a delivery of its own, with the same body. */
import type { DeliveryScheduled, WebhookEventType } from '../../contracts/events/delivery.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import { deliveryIdOf } from '../../contracts/ids.js';
import { names, type WebhookSettings } from '../../domain/webhook-endpoint/webhook-settings.js';
import type { Deferral, Notification } from '../../infra/event-bus/port.js';
import type { EventStore, Position } from '../../infra/event-store/port.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';
import type { DeliveryAttempts } from './attempts.js';
import type { Told } from './body.js';

/** Where an event goes. */
export interface Target extends Pick<DeliveryScheduled['data'], 'url' | 'endpointId'> {
  /** Of an endpoint. */
  readonly createdAt?: Timestamp;
}

/** An event that is to be sent. */
export interface Outgoing {
  readonly told: Told;
  readonly happenedAt: Timestamp;
  readonly body: string;
  readonly settings: WebhookSettings;
  readonly notification: Notification;
  /** It may have been sent before. */
  readonly isRepeated: boolean;
}

/** What happened longer before an endpoint than clocks are wrong by is not sent to it. */
const CLOCKS_DIFFER_MS = 2 * 3_600_000;

/**
 * The endpoints that name the event. What an inactive one would have got is recorded without being
 * sent, so that it is seen, and can be sent once it is active again.
 */
export const endpointTargets = (
  { endpoints }: WebhookSettings,
  type: WebhookEventType,
): readonly Target[] => endpoints.filter((endpoint) => names(endpoint, type));

/** The notification is processed once every delivery is in the log. */
export function fanOut(
  { now }: Pick<Infra, 'now'>,
  attempts: DeliveryAttempts,
  { told, happenedAt, body, settings, notification, isRepeated }: Outgoing,
  targets: readonly Target[],
): Deferral {
  const { executionId, eventId, eventType } = told;
  const metadata = metadataOf('deliver-webhooks', executionId ?? eventId, notification);
  const at = new Date(now()).toISOString();
  // Without its number, its words are what the log says they are: it may have one next time.
  const isSaidFirst = isRepeated || told.feedSequence === undefined;
  const deferrals: Deferral[] = [];
  for (const { url, endpointId, createdAt = happenedAt } of targets) {
    if (Date.parse(createdAt) > Date.parse(happenedAt) + CLOCKS_DIFFER_MS) continue;
    const deliveryId = deliveryIdOf(executionId ?? eventId, eventType, endpointId ?? url);
    const to = { url, ...(endpointId !== undefined && { endpointId }) };
    const fresh = { scheduled: { deliveryId, ...told, ...to, at }, body, metadata, settings };
    deferrals.push(isSaidFirst ? attempts.startAgain(fresh) : attempts.startNew(fresh));
  }
  const [only] = deferrals;
  if (only && deferrals.length === 1) return only;
  const processed = Promise.all(deferrals.map((one) => one.processed)).then(() => undefined);
  return { outcome: 'fanned_out', processed };
}

interface Repeats {
  readonly begin: () => void;
  readonly isRepeated: (notification: Notification) => boolean;
}

/**
 * Whether a notification may have been handled before: it came again, or from the time before this
 * process took over, of which its checkpoint knows less than was done.
 */
export function repeatsOf(store: Pick<EventStore, 'head'>): Repeats {
  let liveFrom: Position | undefined;
  let isAsking = false;
  const ask = (): void => {
    if (isAsking) return;
    isAsking = true;
    store.head().then(
      (head) => {
        liveFrom ??= head;
      },
      () => {
        isAsking = false;
      },
    );
  };
  return {
    begin() {
      [liveFrom, isAsking] = [undefined, false];
      ask();
    },
    isRepeated({ attempt, position }) {
      if (liveFrom === undefined) ask();
      return attempt > 1 || liveFrom === undefined || position <= liveFrom;
    },
  };
}
