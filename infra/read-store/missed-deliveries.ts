/** What an endpoint missed in a range of time: the deliveries to it that have not succeeded. */
import type { Pool } from 'pg';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { DeliveryId, WebhookEndpointId } from '../../contracts/ids.js';
import { rowsOf } from './reading.js';
import { text, time } from './table.js';

export interface Missed {
  readonly endpointId: WebhookEndpointId;
  readonly since: Timestamp;
  /** Until then. */
  readonly at: Timestamp;
}

export interface MissedPlace {
  readonly id: DeliveryId;
  readonly scheduledAt: Timestamp;
}

const PAGE = 200;

/** A page of them, the oldest first. */
export async function missedDeliveries(
  pool: Pick<Pool, 'query'>,
  { endpointId, since, at }: Missed,
  after: MissedPlace = { id: 'dlv_', scheduledAt: since },
): Promise<readonly MissedPlace[]> {
  const rows = await rowsOf(pool, {
    name: 'missed deliveries',
    text: `
      SELECT id, scheduled_at
      FROM readmodel.deliveries
      WHERE endpoint_id = $1 AND scheduled_at <= $2 AND (scheduled_at, id) > ($3, $4)
        AND status <> 'SUCCEEDED' AND (status <> 'WAITING' OR attempts > 0)
      ORDER BY scheduled_at, id
      LIMIT ${PAGE}`,
    values: [endpointId, at, after.scheduledAt, after.id],
  });
  return rows.map((row) => ({ id: text(row, 'id'), scheduledAt: time(row, 'scheduled_at') }));
}
