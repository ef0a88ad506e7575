/** A webhook's body. The stream up to an event is what it always was, so the bytes are too. */
import type { DeliveryScheduled } from '../../contracts/events/delivery.js';
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import type { WebhookBody } from '../../contracts/webhooks/body.js';
import { foldExecution, type ExecutionView } from '../../domain/execution/view.js';

export function bodyOf(
  scheduled: DeliveryScheduled['data'],
  events: readonly (ExecutionEvent & { readonly revision: number })[],
): string {
  const { executionId, organizationId, eventId, eventType, sequence, revision } = scheduled;
  let view: ExecutionView | undefined;
  let timestamp = scheduled.at;
  for (const event of events) {
    if (event.revision > revision) break;
    view = foldExecution(view, event);
    timestamp = event.data.at;
  }
  if (!view) throw new Error(`${executionId} has a delivery but no request`);
  const body: WebhookBody = {
    id: eventId,
    type: eventType,
    event_type: eventType,
    version: '1.0',
    timestamp,
    organization_id: organizationId,
    execution_id: executionId,
    sequence,
    data: view.body,
  };
  return JSON.stringify(body);
}
