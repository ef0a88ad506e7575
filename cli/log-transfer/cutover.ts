/**
 * The cutover: from here on the positions in the database are those of the new store.
 *
 *   source's checkpoint ──translated──► group's checkpoint      dead letters likewise
 *   read models ──emptied──► built anew from the new log        their rows are full of positions
 *
 * One transaction: before it nothing has changed, after it the system may start, and a read model
 * that is not built anew yet only is behind.
 */
import type { Pool, PoolClient } from 'pg';
import { InvalidEvent } from '../../infra/event-store/codec.js';
import { replaceIdentity, type LogIdentity } from '../../infra/event-store/identity.js';
import { START, type Position } from '../../infra/event-store/port.js';
import { placeOf } from '../../infra/export-sinks/open-sink.js';
import { withTransaction } from '../../infra/postgres/pool.js';
import { qualified } from '../../infra/read-store/table.js';
import { advance, loadProjections } from '../../projectors/engine/running-projections.js';
import { mayPass } from '../../projectors/engine/failures.js';
import { projections } from '../../projectors/projections.js';
import { readToHead } from '../../infra/event-store/read-log.js';
import type { Database } from '../../runtime/open-database.js';
import type { Progress } from './archive.js';
import { throughOutage } from './through-outages.js';

export interface Cutover {
  readonly identity: LogIdentity;
  readonly progress: Progress;
  /** The target's position by the source's. */
  readonly translated: ReadonlyMap<Position, Position>;
}

/** Of the source; ascending, each once. */
export function marksOf({ checkpoints, parked }: Progress): readonly Position[] {
  const marks = new Set([...checkpoints, ...parked].map(({ position }) => BigInt(position)));
  return [...marks].sort((a, b) => (a < b ? -1 : 1));
}

/** Answers the names of the exports that came along, and wait until they are set again. */
export async function cutOver(pool: Pool, moved: Cutover): Promise<readonly string[]> {
  return withTransaction(pool, async (tx) => {
    // Nothing of ours may read a position between the old meaning and the new one.
    await tx.query(`
      LOCK TABLE processing.checkpoints, processing.dead_letters, processing.processed_positions,
        readmodel.projections IN EXCLUSIVE MODE`);
    await replaceIdentity(tx, moved.identity);
    await replaceProgress(tx, moved);
    await replaceWaiting(tx, moved);
    await emptyReadModels(tx);
    return addExports(tx, moved);
  });
}

async function replaceProgress(tx: PoolClient, { progress, translated }: Cutover): Promise<void> {
  const placeOf = (position: string) => translated.get(BigInt(position)) ?? START;
  await tx.query('TRUNCATE processing.processed_positions');
  await tx.query('DELETE FROM processing.checkpoints');
  for (const { group, position } of progress.checkpoints)
    await tx.query('INSERT INTO processing.checkpoints (group_name, position) VALUES ($1, $2)', [
      group,
      placeOf(position),
    ]);
  await tx.query('DELETE FROM processing.dead_letters');
  for (const {
    group,
    stream,
    revision,
    type,
    position,
    attempts,
    error,
    parked_at,
  } of progress.parked)
    await tx.query(
      `INSERT INTO processing.dead_letters
         (group_name, stream, revision, type, position, attempts, error, added_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [group, stream, revision, type, placeOf(position), attempts, error, parked_at],
    );
}

/** Rows of an execution that is over do no harm: they go when their turn comes. */
async function replaceWaiting(tx: PoolClient, { progress }: Cutover): Promise<void> {
  await tx.query('DELETE FROM processing.waiting_executions');
  await tx.query(
    `INSERT INTO processing.waiting_executions
       (execution_id, organization_id, queue, cause, since)
     SELECT execution_id, organization_id, queue, cause, since
     FROM jsonb_to_recordset($1::jsonb) AS waiting (
       execution_id text, organization_id text, queue text, cause text, since timestamptz)`,
    [JSON.stringify(progress.waiting ?? [])],
  );
}

/**
 * Those that the database has stay as they are. One that came along is paused: where the archive is
 * a copy, the system that it is of writes to the same place.
 */
async function addExports(tx: PoolClient, { progress }: Cutover): Promise<readonly string[]> {
  const rows = (progress.exports ?? []).map((one) => ({ ...one, place: placeOf(one.sink) }));
  const { rows: added } = await tx.query<{ name: string }>(ADD_EXPORTS, [JSON.stringify(rows)]);
  return added.map(({ name }) => name);
}

/** The position of an export of all feeds is found by its event: it names no log that there is. */
const ADD_EXPORTS = `
  INSERT INTO processing.exports
    (id, name, organization_id, format, sink, operator_columns, from_number, events_max,
      delay_seconds, created_at, done, planned, cursor_owner, cursor_sequence, events, files,
      last_file, exported_at, place, paused, cursor_epoch, cursor_position)
  SELECT there.*, true,
    CASE WHEN organization_id IS NULL AND done IS NOT NULL THEN 'another log' END,
    CASE WHEN organization_id IS NULL AND done IS NOT NULL THEN ${START} END
  FROM jsonb_to_recordset($1::jsonb) AS there (
    id uuid, name text, organization_id text, format text, sink jsonb, operator_columns boolean,
    from_number bigint, events_max integer, delay_seconds integer, created_at timestamptz,
    done bigint, planned bigint, cursor_owner uuid, cursor_sequence bigint, events bigint,
    files bigint, last_file text, exported_at timestamptz, place text)
  ON CONFLICT DO NOTHING
  RETURNING name`;

async function emptyReadModels(tx: PoolClient): Promise<void> {
  for (const { name, version, tables } of projections) {
    for (const table of tables) await tx.query(`TRUNCATE ${qualified(table)}`);
    await tx.query(
      `UPDATE readmodel.projections SET
         position = $1, version = $2, generation = generation + 1,
         stopped_at = NULL, stopped_position = NULL, error = NULL
       WHERE name = $3`,
      [START, version, name],
    );
  }
}

const BATCH_EVENTS = 10_000;

/**
 * As the projectors do it, which also go on from where this was ended. An event that a read model
 * cannot take is left to them: they stop that one alone, and say why.
 */
export async function fillReadModels(
  database: Pick<Database, 'store' | 'readStore'>,
  signal: AbortSignal,
): Promise<'filled' | 'left to the projectors'> {
  try {
    await throughOutage(() => fill(database, signal), signal);
    return 'filled';
  } catch (error) {
    if (signal.aborted || (mayPass(error) && !(error instanceof InvalidEvent))) throw error;
    return 'left to the projectors';
  }
}

async function fill(
  { store, readStore }: Pick<Database, 'store' | 'readStore'>,
  signal: AbortSignal,
): Promise<void> {
  const running = await loadProjections(readStore, projections);
  const after = running.reduce(
    (least, { position }) => (position < least ? position : least),
    running[0]?.position ?? START,
  );
  for await (const batch of readToHead(store, after, BATCH_EVENTS)) {
    signal.throwIfAborted();
    await advance(readStore, running, batch);
  }
}
