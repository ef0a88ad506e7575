/** Exports in PostgreSQL, schema `processing`; the pool answers int8 as bigint. */
import type { Pool } from 'pg';
import { EXPORTS_MAX, type ExportFormat } from '../../contracts/http/exports.js';
import type { OrganizationId } from '../../contracts/ids.js';
import { FIRST_EPOCH, type Epoch } from '../event-store/identity.js';
import { isTaken } from '../event-store/postgres/failures.js';
import { placeOf, type SinkPlace } from '../export-sinks/open-sink.js';
import { withTransaction } from '../postgres/pool.js';
import { rowsOf } from '../read-store/reading.js';
import { feedOwner, ownerOf } from '../read-store/tables/feed.js';
import type { ExportCursor, Exports, ExportSettings, SetOutcome, StoredExport } from './port.js';

interface ExportsOptions {
  readonly pool: Pool;
  /** Read when the process started: positions of another one are of another log. */
  readonly epoch?: Epoch;
}

export function openPostgresExports({ pool, epoch = FIRST_EPOCH }: ExportsOptions): Exports {
  const ask = async <T extends object>(text: string, values: readonly unknown[] = []) =>
    (await rowsOf(pool, { text, values })) as readonly T[];
  return {
    list: async () => (await ask<ExportRow>(`${SELECT} ORDER BY name`)).map((r) => of(r, epoch)),
    async read(id) {
      const [found] = await ask<ExportRow>(`${SELECT} WHERE id = $1`, [id]);
      return found && of(found, epoch);
    },
    set: (settings) => set(pool, settings),
    remove: async (name) => (await ask(REMOVE, [name])).length === 1,
    begin: async (id, done, cursor) =>
      void (await ask(BEGIN, [id, done, ...cursorValues(cursor, epoch), epoch])),
    plan: async (id, done, planned) => (await ask(PLAN, [id, done, planned, epoch])).length === 1,
    finish: async (id, done, planned, { cursor, files }) => {
      const values = [id, done, planned, ...cursorValues(cursor, epoch)];
      const written = [files.length, files.at(-1) ?? null, epoch];
      return (await ask(FINISH, [...values, ...written])).length === 1;
    },
    moveCursor: async (id, done, position) =>
      void (await ask(MOVE_CURSOR, [id, done, epoch, position])),
    fail: async (id, error, ms) => void (await ask(FAIL, [id, error.slice(0, ERROR_MAX), ms])),
  };
}

const ERROR_MAX = 1_000;

interface ExportRow {
  id: string;
  name: string;
  organization_id: OrganizationId | null;
  format: ExportFormat;
  sink: SinkPlace;
  operator_columns: boolean;
  paused: boolean;
  from_number: bigint;
  events_max: number;
  delay_seconds: number;
  created_at: Date;
  done: bigint | null;
  planned: bigint | null;
  cursor_epoch: string | null;
  cursor_position: bigint | null;
  cursor_owner: string | null;
  cursor_sequence: bigint | null;
  events: bigint;
  files: bigint;
  last_file: string | null;
  exported_at: Date | null;
  failures: number;
  error: string | null;
  retry_at: Date | null;
}

const SELECT = 'SELECT * FROM processing.exports';

const of = (row: ExportRow, epoch: Epoch): StoredExport => ({
  id: row.id,
  name: row.name,
  organizationId: row.organization_id ?? undefined,
  format: row.format,
  sink: row.sink,
  hasOperators: row.operator_columns,
  isPaused: row.paused,
  from: row.from_number,
  eventsMax: row.events_max,
  delaySeconds: row.delay_seconds,
  createdAt: row.created_at,
  done: row.done ?? undefined,
  planned: row.planned ?? undefined,
  cursor: cursorIn(row, epoch),
  events: row.events,
  files: row.files,
  lastFile: row.last_file ?? undefined,
  exportedAt: row.exported_at ?? undefined,
  failures: row.failures,
  error: row.error ?? undefined,
  retryAt: row.retry_at ?? undefined,
});

function cursorIn(row: ExportRow, epoch: Epoch): ExportCursor | undefined {
  const { cursor_position: position, cursor_owner: owner } = row;
  if (position === null) return undefined;
  return {
    position: row.cursor_epoch === epoch ? position : undefined,
    organizationId: owner === null ? undefined : ownerOf(owner),
    sequence: row.cursor_sequence ?? 0n,
  };
}

const cursorValues = (cursor: ExportCursor | undefined, epoch: Epoch): readonly unknown[] =>
  cursor
    ? [
        epoch,
        cursor.position,
        cursor.organizationId ? feedOwner(cursor.organizationId) : null,
        cursor.sequence,
      ]
    : [null, null, null, null];

/** One at a time, so that there are never too many. */
async function set(pool: Pool, settings: ExportSettings): Promise<SetOutcome> {
  const { name, organizationId, format, sink, from, eventsMax, delaySeconds } = settings;
  const place = placeOf(sink);
  const values = [name, organizationId ?? null, format, JSON.stringify(sink), place, from];
  const further = [eventsMax, delaySeconds, settings.hasOperators];
  try {
    return await withTransaction(pool, async (tx) => {
      await tx.query('LOCK TABLE processing.exports IN SHARE ROW EXCLUSIVE MODE');
      const { rows } = await tx.query<{ many: bigint }>(COUNT, [name]);
      if ((rows[0]?.many ?? 0n) >= EXPORTS_MAX) return 'full';
      const { rowCount } = await tx.query(SET, [...values, ...further]);
      return rowCount === 1 ? 'set' : 'taken';
    });
  } catch (error) {
    if (isTaken(error)) return 'taken';
    throw error;
  }
}

const COUNT = 'SELECT count(*) AS many FROM processing.exports WHERE name <> $1';

const SET = `
  INSERT INTO processing.exports AS old
    (name, organization_id, format, sink, place, from_number, events_max, delay_seconds,
      operator_columns)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  ON CONFLICT (name) DO UPDATE SET
    sink = excluded.sink, events_max = excluded.events_max,
    delay_seconds = excluded.delay_seconds, retry_at = NULL, paused = false
  WHERE old.organization_id IS NOT DISTINCT FROM excluded.organization_id
    AND old.format = excluded.format AND old.place = excluded.place
    AND old.from_number = excluded.from_number
    AND old.operator_columns = excluded.operator_columns`;

const REMOVE = 'DELETE FROM processing.exports WHERE name = $1 RETURNING 1';

/** A process that was started before the log has moved writes nothing of the old one. */
const isOwn = (parameter: string) =>
  `${parameter} = coalesce((SELECT epoch FROM processing.log_identity), '0')`;

const BEGIN = `
  UPDATE processing.exports SET
    done = $2, cursor_epoch = $3, cursor_position = $4, cursor_owner = $5, cursor_sequence = $6
  WHERE id = $1 AND done IS NULL AND ${isOwn('$7')} RETURNING 1`;

const PLAN = `
  UPDATE processing.exports SET planned = $3
  WHERE id = $1 AND done = $2 AND planned IS NULL AND ${isOwn('$4')} RETURNING 1`;

const FINISH = `
  UPDATE processing.exports SET
    done = planned, planned = NULL, events = events + planned - done,
    cursor_epoch = $4, cursor_position = $5, cursor_owner = $6, cursor_sequence = $7,
    files = files + $8, last_file = $9, exported_at = clock_timestamp(),
    failures = 0, error = NULL, retry_at = NULL
  WHERE id = $1 AND done = $2 AND planned = $3 AND ${isOwn('$10')} RETURNING 1`;

const MOVE_CURSOR = `
  UPDATE processing.exports SET cursor_epoch = $3, cursor_position = $4
  WHERE id = $1 AND done = $2 AND ${isOwn('$3')}`;

const FAIL = `
  UPDATE processing.exports SET
    failures = failures + 1, error = $2, retry_at = clock_timestamp() + $3 * interval '1 ms'
  WHERE id = $1`;
