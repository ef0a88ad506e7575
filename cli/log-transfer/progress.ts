/** How far the processors of a database have come, in the positions of its log. */
import type { Pool } from 'pg';
import type { StreamName } from '../../contracts/streams.js';
import type { ExportThere, Progress, WaitingThere } from './archive.js';

interface DeadLetterRow {
  readonly group_name: string;
  readonly stream: StreamName;
  readonly revision: number;
  readonly type: string;
  readonly position: bigint;
  readonly attempts: number;
  readonly error: string;
  readonly added_at: Date;
}

/**
 * To be read before the log is cut: a checkpoint says that everything below is done, and only so
 * is all that was done then in the log, too. So it is with exports. Dead letters and waiting
 * executions come last: one that is added meanwhile is delivered once more, and none is lost.
 */
export async function readProgress(pool: Pool): Promise<Progress> {
  const exports = await readExports(pool);
  const checkpoints = await pool.query<{ group_name: string; position: bigint }>(
    'SELECT group_name, position FROM processing.checkpoints ORDER BY group_name COLLATE "C"',
  );
  const parked = await pool.query<DeadLetterRow>(
    `SELECT group_name, stream, revision, type, position, attempts, error, added_at
     FROM processing.dead_letters ORDER BY position, group_name COLLATE "C"`,
  );
  const waiting = await pool.query<Omit<WaitingThere, 'since'> & { readonly since: Date }>(
    `SELECT execution_id, organization_id, queue, cause, since
     FROM processing.waiting_executions ORDER BY since, execution_id`,
  );
  return {
    checkpoints: checkpoints.rows.map(({ group_name, position }) => ({
      group: group_name,
      position: `${position}`,
    })),
    parked: parked.rows.map(({ group_name, position, added_at, ...row }) => ({
      ...row,
      group: group_name,
      position: `${position}`,
      parked_at: added_at.toISOString(),
    })),
    waiting: waiting.rows.map(({ since, ...row }) => ({ ...row, since: since.toISOString() })),
    exports,
  };
}

/** One of all feeds that has not begun would begin at a position, which is of this log alone. */
const EXPORTS = `
  SELECT id, name, organization_id, format, sink, operator_columns, from_number::text, events_max,
    delay_seconds, created_at, done::text, planned::text, cursor_owner, cursor_sequence::text,
    events::text, files::text, last_file, exported_at
  FROM processing.exports
  WHERE organization_id IS NOT NULL OR from_number = 0 OR done IS NOT NULL
  ORDER BY name`;

interface ExportRow extends Omit<ExportThere, 'created_at' | 'exported_at'> {
  readonly created_at: Date;
  readonly exported_at: Date | null;
}

async function readExports(pool: Pool): Promise<readonly ExportThere[]> {
  const { rows: there } = await pool.query<{ exports: string | null }>(
    `SELECT to_regclass('processing.exports')::text AS exports`,
  );
  if (there[0]?.exports === null) return [];
  const { rows } = await pool.query<ExportRow>(EXPORTS);
  return rows.map(({ created_at, exported_at, ...row }) => ({
    ...row,
    created_at: created_at.toISOString(),
    exported_at: exported_at?.toISOString() ?? null,
  }));
}
