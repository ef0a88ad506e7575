/** A delivery as its owner sees it. */
import type { DeliveryRow } from '../../infra/read-store/tables/deliveries.js';

export const deliveryBody = (row: DeliveryRow) => ({
  id: row.id,
  event_id: row.eventId,
  event_type: row.eventType,
  endpoint_id: row.endpointId ?? null,
  execution_id: row.executionId ?? null,
  sequence: row.sequence ?? null,
  url: row.url,
  status: row.status,
  cause: row.cause ?? null,
  attempts: row.attempts,
  last_status: row.httpStatus ?? null,
  created_at: row.scheduledAt,
  next_attempt_at: row.nextAttemptAt ?? null,
  finished_at: row.finishedAt ?? null,
});
