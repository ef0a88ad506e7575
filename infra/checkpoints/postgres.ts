/** Checkpoints in PostgreSQL, schema `processing`; the pool answers int8 as bigint. */
import type { Pool } from 'pg';
import type { StreamName } from '../../contracts/streams.js';
import { FIRST_EPOCH } from '../event-store/identity.js';
import { START } from '../event-store/port.js';
import type { CheckpointStore, DeadLetter, DeadLetterPage } from './port.js';
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
        deadLetters: row.dead_letters,
      }));
    },
    addDeadLetter: ({ group, stream, revision, type, position, attempts, error }) => {
      const values = [group, stream, revision, type, String(position), attempts, error];
      return write('add_dead_letter', ADD_DEAD_LETTER, values);
    },
    removeDeadLetter: async (group, stream, revision) => {
      const values = [epoch, group, stream, revision];
      const config = { name: 'remove_dead_letter', text: REMOVE_DEAD_LETTER, values };
      const { rows } = await pool.query<{ own: boolean; removed: boolean }>(config);
      requireOwn(rows, onMoved);
      return rows[0]?.removed ?? false;
    },
    deadLetters: async (group, { limit, after }: DeadLetterPage = { limit: 1_000 }) => {
      const values = [group ?? null, `${after?.position ?? START}`, after?.group ?? '', limit];
      const { rows } = await pool.query<DeadLetterRow>(DEAD_LETTERS, values);
      return rows.map(deadLetterOf);
    },
    requestRedrive: async (group, stream, revision) => {
      const { rowCount } = await pool.query(REQUEST_REDRIVE, [group, stream, revision]);
      return rowCount === 1;
    },
    redrivesRequested: async (group) => {
      const { rows } = await pool.query<DeadLetterRow>(REDRIVES_REQUESTED, [group]);
      return rows.map(deadLetterOf);
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
  dead_letters: number;
}

interface DeadLetterRow {
  group_name: string;
  stream: StreamName;
  revision: number;
  type: string;
  position: bigint;
  attempts: number;
  error: string;
  added_at: Date;
}

const deadLetterOf = (row: DeadLetterRow): DeadLetter => ({
  group: row.group_name,
  stream: row.stream,
  revision: row.revision,
  type: row.type,
  position: row.position,
  attempts: row.attempts,
  error: row.error,
  addedAt: row.added_at.toISOString(),
});

/** Every process reads from time to time, and so learns that the log has moved. */
const READ = `
  WITH ${IS_OWN_EPOCH}
  SELECT own, position FROM epoch LEFT JOIN processing.checkpoints ON group_name = $2`;

/** Waits for no disk: a checkpoint that a power cut loses costs some deliveries again. */
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
  SELECT group_name, c.position, coalesce(d.dead_letters, 0) AS dead_letters
  FROM processing.checkpoints c
  FULL JOIN (
    SELECT group_name, count(*)::int AS dead_letters
    FROM processing.dead_letters GROUP BY group_name
  ) d USING (group_name)
  ORDER BY group_name COLLATE "C"`;

const ADD_DEAD_LETTER = `
  WITH ${IS_OWN_EPOCH}, added AS (
    INSERT INTO processing.dead_letters
      (group_name, stream, revision, type, position, attempts, error)
    SELECT $2, $3, $4::integer, $5, $6::bigint, $7::integer, $8 FROM epoch WHERE own
    ON CONFLICT (group_name, stream, revision) DO UPDATE
      SET attempts = excluded.attempts, error = excluded.error,
          added_at = clock_timestamp(), redrive_requested = false
  )
  SELECT own FROM epoch`;

const REMOVE_DEAD_LETTER = `
  WITH ${IS_OWN_EPOCH}, removed AS (
    DELETE FROM processing.dead_letters USING epoch
    WHERE own AND group_name = $2 AND stream = $3 AND revision = $4
    RETURNING 1
  )
  SELECT own, EXISTS (SELECT FROM removed) AS removed FROM epoch`;

const COLUMNS = 'group_name, stream, revision, type, position, attempts, error, added_at';

const DEAD_LETTERS = `
  SELECT ${COLUMNS} FROM processing.dead_letters
  WHERE ($1::text IS NULL OR group_name = $1)
    AND (position, group_name COLLATE "C") > ($2::bigint, $3)
  ORDER BY position, group_name COLLATE "C" LIMIT $4`;

const REQUEST_REDRIVE = `
  UPDATE processing.dead_letters SET redrive_requested = true
  WHERE group_name = $1 AND stream = $2 AND revision = $3`;

const REDRIVES_REQUESTED = `
  SELECT ${COLUMNS} FROM processing.dead_letters
  WHERE group_name = $1 AND redrive_requested
  ORDER BY added_at, position LIMIT 100`;
