/**
 * After the log has moved: the database is told that its positions are of the new store.
 *
 *   source's checkpoint ──translated──► group's checkpoint      parked wakes likewise
 *   read models ──emptied──► built anew from the new log        their rows are full of positions
 *
 * One transaction: before it nothing has changed, after it the system may start, and a read model
 * that is not built anew yet only is behind.
 */
import type { Pool, PoolClient } from 'pg';
import { replaceIdentity, type LogIdentity } from '../../infra/event-store/identity.js';
import { START, type Position } from '../../infra/event-store/port.js';
import { withTransaction } from '../../infra/postgres/pool.js';
import { rebuildProjection } from '../../projectors/app.js';
import { projections } from '../../projectors/projections.js';
import type { Database } from '../database.js';
import type { Progress } from './archive.js';

export interface Moved {
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

export async function takeOver(pool: Pool, moved: Moved): Promise<void> {
  await withTransaction(pool, async (tx) => {
    // Nothing of ours may read a position between the old meaning and the new one.
    await tx.query('LOCK TABLE processing.checkpoints, readmodel.projections IN EXCLUSIVE MODE');
    await replaceIdentity(tx, moved.identity);
    await replaceProgress(tx, moved);
    await emptyReadModels(tx);
  });
}

async function replaceProgress(tx: PoolClient, { progress, translated }: Moved): Promise<void> {
  const placeOf = (position: string) => translated.get(BigInt(position)) ?? START;
  await tx.query('DELETE FROM processing.checkpoints');
  for (const { group, position } of progress.checkpoints)
    await tx.query('INSERT INTO processing.checkpoints (group_name, position) VALUES ($1, $2)', [
      group,
      placeOf(position),
    ]);
  await tx.query('DELETE FROM processing.parked_wakes');
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
      `INSERT INTO processing.parked_wakes
         (group_name, stream, revision, type, position, attempts, error, parked_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [group, stream, revision, type, placeOf(position), attempts, error, parked_at],
    );
}

async function emptyReadModels(tx: PoolClient): Promise<void> {
  for (const { tables } of projections)
    for (const { name } of tables) await tx.query(`TRUNCATE readmodel.${name}`);
  await tx.query(
    `UPDATE readmodel.projections SET
       position = $1, generation = generation + 1,
       stopped_at = NULL, stopped_position = NULL, error = NULL`,
    [START],
  );
}

/** One reads the log while the other writes. */
const AT_ONCE = 2;

/** Answers how many were built. What cannot be is left to the projectors, who say why. */
export async function buildReadModels(
  database: Pick<Database, 'store' | 'readStore' | 'log'>,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<number> {
  let built = 0;
  const waiting = projections.values();
  const lane = async () => {
    for (const { name } of waiting) {
      signal.throwIfAborted();
      try {
        await rebuildProjection(database, name, { swap: true });
        built += 1;
      } catch (error) {
        say(`${name} could not be built: ${error instanceof Error ? error.message : 'unknown'}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return built;
}
