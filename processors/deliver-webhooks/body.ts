/** A webhook's body. The stream up to an event is what it always was, so the bytes are too. */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { BalanceRanLow } from '../../contracts/events/account.js';
import type { BatchEvent } from '../../contracts/events/batch.js';
import type { DeliveryScheduled, WebhookEventType } from '../../contracts/events/delivery.js';
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import type { FileEvent } from '../../contracts/events/file.js';
import type { WebhookTestRequested } from '../../contracts/events/webhook-endpoint.js';
import { formatMoney } from '../../contracts/money.js';
import { streamOf } from '../../contracts/streams.js';
import type { WebhookBody } from '../../contracts/webhooks/body.js';
import { batchBody, foldBatch } from '../../domain/batch/view.js';
import { foldExecution, type ExecutionView } from '../../domain/execution/view.js';
import { fileBody, foldFile } from '../../domain/file/view.js';
import { readEvents } from '../../command-handling/streams.js';
import type { EventStore } from '../../infra/event-store/port.js';

type Scheduled = DeliveryScheduled['data'];
type Recorded<E extends AnyEvent = AnyEvent> = E & { readonly revision: number };

/** What the body says, whoever it goes to. */
export type Told = Pick<
  Scheduled,
  | 'eventId'
  | 'eventType'
  | 'organizationId'
  | 'executionId'
  | 'sequence'
  | 'feedSequence'
  | 'revision'
  | 'source'
>;

/** It stays so on every attempt, also where the number was not known in time. */
export const numbered = (told: Told, feedSequence: number | undefined): Told =>
  feedSequence === undefined ? told : { ...told, feedSequence };

/** What happened in a long stream is said by its one event; other events follow from all before. */
const SAID_BY_ONE: readonly WebhookEventType[] = ['balance.low', 'webhook.test'];

export async function readBody(store: EventStore, told: Told): Promise<string> {
  const { executionId = '', eventType, revision } = told;
  const { source = streamOf('execution', executionId) } = told;
  const range = SAID_BY_ONE.includes(eventType) ? { fromRevision: revision, limit: 1 } : {};
  const events = await readEvents<AnyEvent>(store, source, { ...range, through: revision });
  return bodyOf(told, events);
}

export function bodyOf(told: Told, events: readonly Recorded[]): string {
  const { executionId, organizationId, eventId, eventType, revision } = told;
  const { sequence, feedSequence } = told;
  const known = events.filter((event) => event.revision <= revision);
  const last = known.at(-1);
  if (!last) throw new Error(`${eventId} is of a stream without events`);
  const body: WebhookBody = {
    id: eventId,
    type: eventType,
    event_type: eventType,
    version: '1.0',
    timestamp: last.data.at,
    organization_id: organizationId,
    ...(executionId !== undefined && { execution_id: executionId }),
    ...(sequence !== undefined && { sequence }),
    ...(feedSequence !== undefined && { feed_sequence: feedSequence }),
    data: dataOf(eventType, known, last),
  };
  return JSON.stringify(body);
}

function dataOf(type: WebhookEventType, events: readonly Recorded[], last: Recorded): unknown {
  switch (type) {
    case 'execution.started':
    case 'execution.completed':
    case 'execution.failed':
    case 'execution.cancelled':
    case 'execution.expired':
      return executionIn(events as readonly Recorded<ExecutionEvent>[]);
    case 'batch.completed': {
      const view = (events as readonly Recorded<BatchEvent>[]).reduce(foldBatch, undefined);
      return view && batchBody(view);
    }
    case 'file.ready': {
      const view = (events as readonly Recorded<FileEvent>[]).reduce(foldFile, undefined);
      return view?.content && fileBody({ ...view, content: view.content });
    }
    case 'balance.low': {
      const { availableAfter, threshold } = (last as BalanceRanLow).data;
      return { available: formatMoney(availableAfter), threshold: formatMoney(threshold) };
    }
    case 'webhook.test':
      return { endpoint_id: (last as WebhookTestRequested).data.endpointId };
  }
}

function executionIn(events: readonly Recorded<ExecutionEvent>[]): unknown {
  let view: ExecutionView | undefined;
  for (const event of events) view = foldExecution(view, event);
  if (!view) throw new Error('an execution without a request has no events to tell');
  return view.body;
}
