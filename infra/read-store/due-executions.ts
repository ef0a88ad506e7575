/** Executions of one organization in the order of their acceptance, and whether they ended. */
import type { Pool } from 'pg';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { rowsOf } from './reading.js';
import { text, time } from './table.js';

export interface DueExecution {
  readonly id: ExecutionId;
  readonly createdAt: Timestamp;
  /** Undefined while it is not over. */
  readonly endedAt: Timestamp | undefined;
  readonly isErased: boolean;
}

interface Asked {
  readonly organizationId: OrganizationId;
  /** Those of these models, or of all but these. */
  readonly models: readonly string[];
  readonly isAllBut: boolean;
  readonly after: { readonly createdAt: Timestamp; readonly id: string };
  readonly max: number;
}

/** Throws `StoreUnavailable`. */
export async function dueExecutions(
  pool: Pick<Pool, 'query'>,
  { organizationId, models, isAllBut, after, max }: Asked,
): Promise<readonly DueExecution[]> {
  const values = [organizationId, models, isAllBut, after.createdAt, after.id, max];
  const rows = await rowsOf(pool, { text: ROWS, values });
  return rows.map((row) => ({
    id: text<ExecutionId>(row, 'id'),
    createdAt: time(row, 'created_at'),
    endedAt: row['ended_at'] === null ? undefined : text(row, 'ended_at'),
    isErased: row['erased_at'] !== null,
  }));
}

const ROWS = `
  SELECT id, created_at, body ->> 'completed_at' AS ended_at,
    body ->> 'payloads_erased_at' AS erased_at
  FROM readmodel.executions
  WHERE organization_id = $1 AND (created_at, id) > ($4::timestamptz, $5)
    AND (model = ANY ($2::text[])) <> $3
  ORDER BY created_at, id
  LIMIT $6`;
