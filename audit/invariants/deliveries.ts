/**
 * Webhook deliveries. I5: each event that is due is scheduled once, under one event id, and told
 * or given up. I8: under its number in the owner's timeline.
 */
import type { DeliveryEvent } from '../../contracts/events/delivery.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { deliveryIdOf, publicEventIdOf } from '../../contracts/ids.js';
import { move, type OpenExecution, type OpenItems } from '../open-items.js';

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
  const delivery = open.deliveries.get(data.deliveryId);
  if (!delivery) return wrong(`${type} of a delivery that was not scheduled`) as undefined;
  if (data.executionId !== delivery.executionId) wrong(`${type} is of ${data.executionId}`);
  if (data.attempt !== delivery.attempts + 1)
    wrong(`attempt ${data.attempt} follows attempt ${delivery.attempts}`);
  delivery.attempts = data.attempt;
  if (type === 'DeliveryAttemptFailed') {
    delivery.nextAt = data.nextAttemptAt;
    return undefined;
  }
  open.deliveries.delete(data.deliveryId);
  const status = type === 'DeliverySucceeded' ? 'SUCCEEDED' : 'EXHAUSTED';
  move(open.deliveryTally, 'WAITING', status);
  return undefined;
}

function scheduled(
  open: OpenItems,
  { stream, data }: Recorded<'DeliveryScheduled'>,
  wrong: (problem: string) => void,
): OpenExecution | undefined {
  const { deliveryId: id, executionId, eventType, eventId, sequence, revision, url, at } = data;
  open.counts.deliveries += 1;
  if (open.deliveries.has(id)) wrong('it was scheduled twice');
  else move(open.deliveryTally, undefined, 'WAITING');
  const delivery = { id, executionId, eventType, scheduledAt: at, attempts: 0, nextAt: at };
  open.deliveries.set(id, delivery);
  if (id !== deliveryIdOf(executionId, eventType, url))
    wrong(`its id is not that of ${eventType} for that address`);
  const execution = open.executions.get(executionId);
  const due = execution?.dueEvents.get(eventType);
  if (!execution || !due) {
    wrong(`${eventType} of ${executionId} is scheduled, and is not owed (any more)`);
    return undefined;
  }
  execution.dueEvents.delete(eventType);
  if (execution.organizationId !== data.organizationId)
    wrong(`it tells ${data.organizationId} about another's execution`);
  if (url !== execution.request?.webhookUrl) wrong('it goes to an address that was not asked for');
  if (sequence !== due.sequence)
    open.findings.add('I8', stream, `it has number ${sequence} and is number ${due.sequence}`);
  if (revision !== due.revision)
    wrong(`it tells of revision ${revision}, and ${eventType} is revision ${due.revision}`);
  if (eventId !== publicEventIdOf(executionId, due.sequence))
    wrong(`its event id is not that of ${eventType}`);
  return execution;
}
