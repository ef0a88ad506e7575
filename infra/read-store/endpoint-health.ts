/** Webhook endpoints that take nothing any more. */
import type { Pool } from 'pg';
import type { OrganizationId, WebhookEndpointId } from '../../contracts/ids.js';
import { rowsOf } from './reading.js';
import { text, type Row } from './table.js';

export interface FailingEndpoint {
  readonly endpointId: WebhookEndpointId;
  readonly organizationId: OrganizationId;
  readonly cause: 'gone' | 'exhausted' | 'failing';
}

/** Deliveries exhausted in a row, or attempts that failed, that are enough. */
const ENOUGH = 10;
const DAY_MS = 24 * 3_600_000;
const FAILING_MAX = 500;

/**
 * Endpoints that answered 410, whose last ten deliveries were all exhausted, or at which every
 * attempt of a day failed and ten were made in it. One success in between starts all of it anew, so
 * a receiver that is away for minutes is none of them, however much is sent to it.
 */
export async function failingEndpoints(
  pool: Pick<Pool, 'query'>,
  nowMs: number,
  among?: readonly WebhookEndpointId[],
): Promise<readonly FailingEndpoint[]> {
  const rows = await rowsOf(pool, {
    name: 'failing endpoints',
    text: `
      SELECT endpoint_id, organization_id,
        CASE
          WHEN gone_at IS NOT NULL THEN 'gone'
          WHEN exhausted_in_row >= ${ENOUGH} THEN 'exhausted'
          ELSE 'failing'
        END AS cause
      FROM readmodel.endpoint_health
      WHERE failing_since IS NOT NULL
        AND (gone_at IS NOT NULL OR exhausted_in_row >= ${ENOUGH}
          OR (failing_since <= $1 AND tenth_failure_at >= $1))
        AND ($2::text[] IS NULL OR endpoint_id = ANY ($2::text[]))
      ORDER BY failing_since
      LIMIT ${FAILING_MAX}`,
    values: [new Date(nowMs - DAY_MS), among ?? null],
  });
  return rows.map((row: Row) => ({
    endpointId: text(row, 'endpoint_id'),
    organizationId: text(row, 'organization_id'),
    cause: text(row, 'cause'),
  }));
}
