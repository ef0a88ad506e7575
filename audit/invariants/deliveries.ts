/**
 * Webhook deliveries. I5: each event that is due is scheduled once, under one event id, and told
 * or given up. I8: under its number in the owner's timeline.
 */
import type { DeliveryEvent } from '../../contracts/events/delivery.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import {
  deliveryIdOf,
  publicEventIdOf,
  type DeliveryId,
  type ExecutionId,
} from '../../contracts/ids.js';
import {
  dueKey,
  move,
  type DeliveryStatus,
  type OpenExecution,
  type OpenItems,
} from '../open-items.js';

type Recorded<T extends DeliveryEvent['type'] = DeliveryEvent['type']> = RecordedEvent<
  Extract<DeliveryEvent, { type: T }>
>;

/** The execution that may now be done with. */
export function auditDeliveryEvent(open: OpenItems, event: Recorded): OpenExecution | undefined {
  const { stream, data, type } = event;
  const wrong = (problem: string) => open.findings.add('I5', stream, problem);
  if (stream !== `delivery-${data.deliveryId}`)
    return wrong(`${type} is about ${data.deliveryId}`) as undefined;
  if (type === 'DeliveryScheduled') return scheduled(open, event, wrong);
  if (type === 'RedeliveryRequested') return askedForAgain(open, event, wrong);
  const delivery = open.deliveries.get(data.deliveryId);
  if (!delivery) return wrong(`${type} of a delivery that was not scheduled`) as undefined;
  if (data.executionId !== delivery.executionId) wrong(`${type} is of ${data.executionId}`);
  if (type === 'DeliveryStopped') return ended(open, data.deliveryId, 'EXHAUSTED');
  if (data.attempt !== delivery.attempts + 1)
    wrong(`attempt ${data.attempt} follows attempt ${delivery.attempts}`);
  delivery.attempts = data.attempt;
  if (type === 'DeliveryAttemptFailed') {
    delivery.nextAt = data.nextAttemptAt;
    return undefined;
  }
  return ended(open, data.deliveryId, type === 'DeliverySucceeded' ? 'SUCCEEDED' : 'EXHAUSTED');
}

function ended(open: OpenItems, id: DeliveryId, status: DeliveryStatus): undefined {
  open.deliveries.delete(id);
  move(open.deliveryTally, 'WAITING', status);
}

const STATUS_BEFORE = {
  waiting: 'WAITING',
  succeeded: 'SUCCEEDED',
  exhausted: 'EXHAUSTED',
} as const;

/** One that was over was forgotten: the event says what is to be known of it. */
function askedForAgain(
  open: OpenItems,
  { data }: Recorded<'RedeliveryRequested'>,
  wrong: (problem: string) => void,
): undefined {
  const { deliveryId: id, executionId, attempts, was, at } = data;
  const delivery = open.deliveries.get(id);
  if ((was === 'waiting') !== (delivery !== undefined)) wrong(`it was not ${was} when asked for`);
  if (delivery && delivery.attempts !== attempts)
    wrong(`it had ${delivery.attempts} attempts, and not ${attempts}`);
  move(open.deliveryTally, STATUS_BEFORE[was], 'WAITING');
  const eventType = delivery?.eventType ?? 'a redelivery';
  const about = executionId === undefined ? {} : { executionId };
  open.deliveries.set(id, { id, ...about, eventType, scheduledAt: at, attempts, nextAt: at });
}

function scheduled(
  open: OpenItems,
  event: Recorded<'DeliveryScheduled'>,
  wrong: (problem: string) => void,
): OpenExecution | undefined {
  const { data } = event;
  const { deliveryId: id, executionId, endpointId, eventType, eventId, url, at } = data;
  open.counts.deliveries += 1;
  if (open.deliveries.has(id)) wrong('it was scheduled twice');
  else move(open.deliveryTally, undefined, 'WAITING');
  const about = executionId === undefined ? {} : { executionId };
  open.deliveries.set(id, { id, ...about, eventType, scheduledAt: at, attempts: 0, nextAt: at });
  if (id !== deliveryIdOf(executionId ?? eventId, eventType, endpointId ?? url))
    wrong(`its id is not that of ${eventType} for that target`);
  if (endpointId !== undefined && !open.endpoints.get(data.organizationId)?.has(endpointId))
    wrong(`it goes to ${endpointId}, which is no endpoint of ${data.organizationId}`);
  return executionId === undefined ? undefined : ofExecution(open, executionId, event, wrong);
}

function ofExecution(
  open: OpenItems,
  executionId: ExecutionId,
  { stream, data }: Recorded<'DeliveryScheduled'>,
  wrong: (problem: string) => void,
): OpenExecution | undefined {
  const { eventType, eventId, endpointId, sequence = 0, revision, url } = data;
  const execution = open.executions.get(executionId);
  const key = dueKey(eventType, endpointId);
  const due = execution?.dueEvents.get(key);
  // An endpoint may have asked for it, or have been enabled, after it happened.
  if (endpointId !== undefined && !due) return undefined;
  if (!execution || !due) {
    wrong(`${eventType} of ${executionId} is scheduled, and is not owed (any more)`);
    return undefined;
  }
  execution.dueEvents.delete(key);
  if (execution.organizationId !== data.organizationId)
    wrong(`it tells ${data.organizationId} about another's execution`);
  if (endpointId === undefined && url !== execution.request?.webhookUrl)
    wrong('it goes to an address that was not asked for');
  if (sequence !== due.sequence)
    open.findings.add('I8', stream, `it has number ${sequence} and is number ${due.sequence}`);
  if (revision !== due.revision)
    wrong(`it tells of revision ${revision}, and ${eventType} is revision ${due.revision}`);
  if (eventId !== publicEventIdOf(executionId, due.sequence))
    wrong(`its event id is not that of ${eventType}`);
  return execution;
}
