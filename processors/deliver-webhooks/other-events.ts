/**
 * Events that are not an execution's: they have no sequence, and go only to endpoints that name
 * them; a test goes to the endpoint that it is of. They are rare, so they are read from the log
 * itself, also where executions are brought by another bus.
 */
import type { BatchCompleted } from '../../contracts/events/batch.js';
import type { WebhookEventType } from '../../contracts/events/delivery.js';
import type { FileConfirmed, FileStored } from '../../contracts/events/file.js';
import type { WebhookTestRequested } from '../../contracts/events/webhook-endpoint.js';
import { streamEventIdOf } from '../../contracts/ids.js';
import type { BalanceRanLow } from '../../contracts/events/account.js';
import { readEvents } from '../../command-handling/streams.js';
import type { Group } from '../../infra/event-bus/port.js';
import type { FeedNumberOf } from '../../infra/read-store/feed-numbers.js';
import type { Infra } from '../../runtime/infra.js';
import type { DeliveryAttempts } from './attempts.js';
import { numbered, readBody, type Told } from './body.js';
import { endpointTargets, fanOut, repeatsOf, type Target } from './fan-out.js';

type Source = FileConfirmed | FileStored | BalanceRanLow | BatchCompleted | WebhookTestRequested;

const TYPES: Readonly<Record<Source['type'], WebhookEventType>> = {
  FileConfirmed: 'file.ready',
  FileStored: 'file.ready',
  BalanceRanLow: 'balance.low',
  BatchCompleted: 'batch.completed',
  WebhookTestRequested: 'webhook.test',
};

export function otherEvents(
  infra: Infra,
  attempts: DeliveryAttempts,
  numberOf: FeedNumberOf,
): Group {
  const { begin, isRepeated } = repeatsOf(infra.store);
  return {
    name: 'deliver-other-webhooks',
    categories: ['file', 'account', 'batch', 'webhookTest'],
    subscribesTo: Object.keys(TYPES) as Source['type'][],
    concurrencyMax: 64,
    attemptsMax: 30,
    begin,
    async handle(notification) {
      const { stream: source, revision } = notification;
      const range = { fromRevision: revision, limit: 1, through: revision };
      const [event] = await readEvents<Source>(infra.store, source, range);
      if (!event) throw new Error(`${source} has no revision ${revision}`);
      const { organizationId, at: happenedAt } = event.data;
      const settings = await infra.webhooks.settingsOf(organizationId);
      const targets = targetsIn(event, settings);
      if (targets.length === 0) return 'not_due';
      const eventType = TYPES[event.type];
      const eventId =
        event.type === 'WebhookTestRequested'
          ? event.data.eventId
          : streamEventIdOf(source, revision);
      const about: Told = { organizationId, eventId, eventType, revision, source };
      const told = numbered(about, await numberOf(notification.position));
      const body = await readBody(infra.store, told);
      const outgoing = { told, happenedAt, body, settings, notification };
      return fanOut(
        infra,
        attempts,
        { ...outgoing, isRepeated: isRepeated(notification) },
        targets,
      );
    },
  };
}

type Settings = Awaited<ReturnType<Infra['webhooks']['settingsOf']>>;

function targetsIn({ type, data }: Source, settings: Settings): readonly Target[] {
  if (type !== 'WebhookTestRequested') return endpointTargets(settings, TYPES[type]);
  return settings.endpoints.filter(({ endpointId }) => endpointId === data.endpointId);
}
