/**
 * Deliveries whose next attempt is due, by the `attempt-webhook` rows of `timers`: fairly over the
 * organizations, so that a million of one keep none of another waiting.
 */
import { hash } from 'node:crypto';
import type { Pool } from 'pg';
import type { DeliveryId, ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { openRecentMap } from '../recent-map.js';
import { amount, maybe, text, type Row } from './table.js';

export interface DueDelivery {
  readonly deliveryId: DeliveryId;
  /** Absent where the event is not an execution's. */
  readonly executionId?: ExecutionId;
  /** Of the event that made it due; another attempt at the delivery has another. */
  readonly position: bigint;
}

export interface DueDeliveriesQuery {
  readonly nowMs: number;
  /** How long after its scheduling a first attempt is due that is not known to be under way. */
  readonly firstAfterMs: number;
  readonly perOrganizationMax: number;
  /** What there is no need of. */
  readonly except: {
    readonly organizations: readonly string[];
    readonly endpoints: readonly string[];
    readonly deliveries: readonly string[];
    readonly positions: readonly bigint[];
  };
}

/**
 * A webhook's first attempt is made when it is scheduled, or soon after; where its process died
 * before it recorded the end, it is made this long after the scheduling. An attempt takes 30 s.
 */
export const FIRST_ATTEMPT_MS = 45_000;
/** Over all organizations, in one look. */
const DUE_MAX = 2_000;

/** By what they are of: each delivery asks for one of them twice. */
const endpoints = openRecentMap<string, string>({ costMax: 4 * 1024 * 1024, entriesMax: 20_000 });

/** One endpoint, or one `webhook_url`, of one organization, in few letters. */
export function endpointOf(organizationId: OrganizationId, target: string): string {
  const text = `${organizationId} ${target}`;
  const known = endpoints.get(text);
  if (known !== undefined) return known;
  const endpoint = hash('sha256', text, 'hex').slice(0, 16);
  endpoints.set(text, endpoint, text.length);
  return endpoint;
}

/** The longest due of each organization. Skips from organization to organization in the index. */
export async function dueDeliveries(
  pool: Pick<Pool, 'query'>,
  { nowMs, firstAfterMs, perOrganizationMax, except }: DueDeliveriesQuery,
): Promise<readonly DueDelivery[]> {
  const { rows } = await pool.query<Row>({
    name: 'due-deliveries',
    text: `
      WITH RECURSIVE waiting (id) AS (
        (SELECT organization_id FROM readmodel.timers WHERE kind = 'attempt-webhook'
         ORDER BY organization_id LIMIT 1)
        UNION ALL
        SELECT (SELECT organization_id FROM readmodel.timers
                WHERE kind = 'attempt-webhook' AND organization_id > waiting.id
                ORDER BY organization_id LIMIT 1)
        FROM waiting WHERE waiting.id IS NOT NULL
      )
      SELECT due.delivery_id, due.execution_id, due.position
      FROM waiting, LATERAL (
        SELECT delivery_id, execution_id, position FROM readmodel.timers
        WHERE kind = 'attempt-webhook' AND organization_id = waiting.id
          AND due_at <= $2 AND (due_at <= $1 OR attempt = 0)
          AND (endpoint IS NULL OR endpoint <> ALL ($5::text[]))
          AND delivery_id <> ALL ($6::text[])
          AND position <> ALL ($7::bigint[])
        ORDER BY due_at, id
        LIMIT $3
      ) AS due
      WHERE waiting.id <> ALL ($4::text[])
      LIMIT ${DUE_MAX}`,
    values: [
      new Date(nowMs),
      new Date(nowMs + FIRST_ATTEMPT_MS - firstAfterMs),
      perOrganizationMax,
      except.organizations,
      except.endpoints,
      except.deliveries,
      except.positions,
    ],
  });
  return rows.map((row) => ({
    deliveryId: text(row, 'delivery_id'),
    ...maybe(row, 'execution_id', 'executionId', text<ExecutionId>),
    position: amount(row, 'position'),
  }));
}
