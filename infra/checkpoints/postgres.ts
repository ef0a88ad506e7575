/** Checkpoints in PostgreSQL, schema `processing`; the pool answers int8 as bigint. */
import type { Pool } from 'pg';
import type { StreamName } from '../../contracts/streams.js';
import { FIRST_EPOCH } from '../event-store/identity.js';
import { START } from '../event-store/port.js';
import type { CheckpointStore, ParkedWake } from './port.js';
import { IS_OWN_EPOCH, requireOwn, type EpochOptions } from './epoch.js';

/** Throws `LogMoved` to a process of an older epoch: these positions are not of its log. */
export function openPostgresCheckpoints({
  pool,
  epoch = FIRST_EPOCH,
  onMoved,
}: EpochOptions & { readonly pool: Pool }): CheckpointStore {
  const write = async (name: string, text: string, values: readonly unknown[]) => {
    const config = { name, text, values: [epoch, ...values] };
    requireOwn((await pool.query<{ own: boolean }>(config)).rows, onMoved);
  };
  return {
    read: async (group) => {
      const { rows } = await pool.query<ReadRow>(READ, [epoch, group]);
      requireOwn(rows, onMoved);
      return rows[0]?.position ?? START;
    },
    save: (group, position) => write('save_checkpoint', SAVE, [group, String(position)]),
    list: async () => {
      const { rows } = await pool.query<CheckpointRow>(LIST);
      return rows.map((row) => ({
        group: row.group_name,
        position: row.position ?? START,
        parked: row.parked,
      }));
    },
    park: ({ group, stream, revision, type, position, attempts, error }) => {
      const values = [group, stream, revision, type, String(position), attempts, error];
      return write('park_wake', PARK, values);
    },
    unpark: (group, stream, revision) => write('unpark_wake', UNPARK, [group, stream, revision]),
    listParked: async (group) => {
      const { rows } = await pool.query<ParkedRow>(LIST_PARKED, [group ?? null]);
      return rows.map(parkedWakeOf);
    },
    requestRetry: async (group, stream, revision) => {
      const { rowCount } = await pool.query(REQUEST_RETRY, [group, stream, revision]);
      return rowCount === 1;
    },
    retriesRequested: async (group) => {
      const { rows } = await pool.query<ParkedRow>(RETRIES_REQUESTED, [group]);
      return rows.map(parkedWakeOf);
    },
  };
}

interface ReadRow {
  own: boolean;
  position: bigint | null;
}

interface CheckpointRow {
  group_name: string;
  position: bigint | null;
  parked: number;
}

interface ParkedRow {
  group_name: string;
  stream: StreamName;
  revision: number;
  type: string;
  position: bigint;
  attempts: number;
  error: string;
  parked_at: Date;
}

const parkedWakeOf = (row: ParkedRow): ParkedWake => ({
  group: row.group_name,
  stream: row.stream,
  revision: row.revision,
  type: row.type,
  position: row.position,
  attempts: row.attempts,
  error: row.error,
  parkedAt: row.parked_at.toISOString(),
});

/** Also by reading, which all do now and then, a process finds out that the log has moved. */
const READ = `
  WITH ${IS_OWN_EPOCH}
  SELECT own, position FROM epoch LEFT JOIN processing.checkpoints ON group_name = $2`;

/** A checkpoint lost in a power cut only rings some wakes again: it need not wait for the disk. */
const SAVE = `
  WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true)), ${IS_OWN_EPOCH},
  saved AS (
    INSERT INTO processing.checkpoints (group_name, position)
    SELECT $2, $3::bigint FROM unhurried, epoch WHERE own
    ON CONFLICT (group_name) DO UPDATE
      SET position = excluded.position, saved_at = clock_timestamp()
      WHERE checkpoints.position < excluded.position
  )
  SELECT own FROM epoch`;

const LIST = `
  SELECT group_name, c.position, coalesce(p.parked, 0) AS parked
  FROM processing.checkpoints c
  FULL JOIN (
    SELECT group_name, count(*)::int AS parked FROM processing.parked_wakes GROUP BY group_name
  ) p USING (group_name)
  ORDER BY group_name COLLATE "C"`;

const PARK = `
  WITH ${IS_OWN_EPOCH}, parked AS (
    INSERT INTO processing.parked_wakes
      (group_name, stream, revision, type, position, attempts, error)
    SELECT $2, $3, $4::integer, $5, $6::bigint, $7::integer, $8 FROM epoch WHERE own
    ON CONFLICT (group_name, stream, revision) DO UPDATE
      SET attempts = excluded.attempts, error = excluded.error,
          parked_at = clock_timestamp(), retry_requested = false
  )
  SELECT own FROM epoch`;

const UNPARK = `
  WITH ${IS_OWN_EPOCH}, unparked AS (
    DELETE FROM processing.parked_wakes USING epoch
    WHERE own AND group_name = $2 AND stream = $3 AND revision = $4
  )
  SELECT own FROM epoch`;

const PARKED_COLUMNS = 'group_name, stream, revision, type, position, attempts, error, parked_at';

const LIST_PARKED = `
  SELECT ${PARKED_COLUMNS} FROM processing.parked_wakes
  WHERE $1::text IS NULL OR group_name = $1
  ORDER BY parked_at, position, group_name LIMIT 1000`;

const REQUEST_RETRY = `
  UPDATE processing.parked_wakes SET retry_requested = true
  WHERE group_name = $1 AND stream = $2 AND revision = $3`;

const RETRIES_REQUESTED = `
  SELECT ${PARKED_COLUMNS} FROM processing.parked_wakes
  WHERE group_name = $1 AND retry_requested
  ORDER BY parked_at, position LIMIT 100`;
