/** Waiting executions in PostgreSQL, table `processing.waiting_executions`. */
import type { Pool } from 'pg';
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import type { WaitingExecution, WaitingExecutions } from './port.js';

export function openPostgresWaitingExecutions({ pool }: { pool: Pool }): WaitingExecutions {
  const taken = async (name: string, text: string, values: readonly unknown[]) => {
    const { rows } = await pool.query<WaitingRow>({ name, text, values: [...values] });
    return rows.map(waitingOf).sort((one, other) => one.sinceMs - other.sinceMs);
  };
  return {
    add: async (executions) => {
      await pool.query({ name: 'add_waiting', text: ADD, values: columnsOf(executions) });
    },
    take: ({ queue, holder, forMs, limit, afterOrganization, organizationsMax }) =>
      taken('take_waiting', TAKE, [
        queue,
        holder,
        forMs,
        limit,
        afterOrganization,
        organizationsMax,
      ]),
    takeOlder: ({ queue, holder, forMs, limit, sinceMs }) =>
      taken('take_older_waiting', TAKE_OLDER, [queue, holder, forMs, limit, new Date(sinceMs)]),
    keep: async (executionIds, holder, forMs) => {
      await pool.query(KEEP, [executionIds, holder, forMs]);
    },
    giveBack: async (holder) => {
      await pool.query(GIVE_BACK, [holder]);
    },
    remove: async (executions) => {
      const ids = executions.map(({ executionId }) => executionId);
      const since = executions.map(({ sinceMs }) =>
        sinceMs === undefined ? null : new Date(sinceMs),
      );
      await pool.query({ name: 'remove_waiting', text: REMOVE, values: [ids, since] });
    },
    queues: async () => {
      const { rows } = await pool.query<{ queue: string }>({ name: 'queues', text: QUEUES });
      return rows.map(({ queue }) => queue);
    },
    sizes: async () => {
      const { rows } = await pool.query<SizeRow>(SIZES);
      return rows.map(({ queue, waiting, oldest }) => ({
        queue,
        waiting,
        oldestSinceMs: oldest.getTime(),
      }));
    },
  };
}

interface WaitingRow {
  execution_id: ExecutionId;
  organization_id: OrganizationId;
  queue: string;
  cause: string;
  since: Date;
}

interface SizeRow {
  queue: string;
  waiting: number;
  oldest: Date;
}

const waitingOf = (row: WaitingRow): WaitingExecution => ({
  executionId: row.execution_id,
  organizationId: row.organization_id,
  queue: row.queue,
  cause: row.cause,
  sinceMs: row.since.getTime(),
});

const columnsOf = (executions: readonly WaitingExecution[]) => [
  executions.map(({ executionId }) => executionId),
  executions.map(({ organizationId }) => organizationId),
  executions.map(({ queue }) => queue),
  executions.map(({ cause }) => cause),
  executions.map(({ sinceMs }) => new Date(sinceMs)),
];

const ADD = `
  INSERT INTO processing.waiting_executions (execution_id, organization_id, queue, cause, since)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
  ON CONFLICT (execution_id) DO UPDATE
    SET queue = excluded.queue, cause = excluded.cause, since = excluded.since,
        taken_by = NULL, taken_until = '-infinity'`;

const COLUMNS = 'w.execution_id, w.organization_id, w.queue, w.cause, w.since';

const SET_TAKEN = `
  UPDATE processing.waiting_executions w
  SET taken_by = $2, taken_until = clock_timestamp() + $3::int * interval '1 millisecond'
  FROM picked WHERE w.execution_id = picked.execution_id
  RETURNING ${COLUMNS}`;

/** From organization to organization by the index, however many rows each of them has. */
const TAKE = `
  WITH RECURSIVE steps AS (
    (SELECT organization_id FROM processing.waiting_executions
     WHERE queue = $1 AND organization_id > $5 AND taken_until <= clock_timestamp()
     ORDER BY organization_id LIMIT 1)
    UNION ALL
    SELECT (SELECT w.organization_id FROM processing.waiting_executions w
            WHERE w.queue = $1 AND w.organization_id > steps.organization_id
              AND w.taken_until <= clock_timestamp()
            ORDER BY w.organization_id LIMIT 1)
    FROM steps WHERE steps.organization_id IS NOT NULL
  ), organizations AS (
    SELECT organization_id FROM steps WHERE organization_id IS NOT NULL LIMIT $6
  ), picked AS (
    SELECT own.execution_id FROM organizations o CROSS JOIN LATERAL (
      SELECT w.execution_id FROM processing.waiting_executions w
      WHERE w.queue = $1 AND w.organization_id = o.organization_id
        AND w.taken_until <= clock_timestamp()
      ORDER BY w.since
      LIMIT (SELECT greatest(1, $4::int / greatest(1, count(*))) FROM organizations)
      FOR UPDATE SKIP LOCKED
    ) own
  )
  ${SET_TAKEN}`;

const TAKE_OLDER = `
  WITH picked AS (
    SELECT execution_id FROM processing.waiting_executions
    WHERE queue = $1 AND since <= $5 AND taken_until <= clock_timestamp()
    ORDER BY since LIMIT $4
    FOR UPDATE SKIP LOCKED
  )
  ${SET_TAKEN}`;

const KEEP = `
  UPDATE processing.waiting_executions
  SET taken_until = clock_timestamp() + $3::int * interval '1 millisecond'
  WHERE execution_id = ANY ($1::text[]) AND taken_by = $2`;

const GIVE_BACK = `
  UPDATE processing.waiting_executions SET taken_by = NULL, taken_until = '-infinity'
  WHERE taken_by = $1`;

const REMOVE = `
  DELETE FROM processing.waiting_executions w
  USING unnest($1::text[], $2::timestamptz[]) AS ended (execution_id, since)
  WHERE w.execution_id = ended.execution_id
    AND (ended.since IS NULL OR ended.since = w.since)`;

const QUEUES = `
  WITH RECURSIVE steps AS (
    (SELECT queue FROM processing.waiting_executions ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT w.queue FROM processing.waiting_executions w
            WHERE w.queue > steps.queue ORDER BY w.queue LIMIT 1)
    FROM steps WHERE steps.queue IS NOT NULL
  )
  SELECT queue FROM steps WHERE queue IS NOT NULL`;

const SIZES = `
  SELECT queue, count(*)::int AS waiting, min(since) AS oldest
  FROM processing.waiting_executions GROUP BY queue`;
