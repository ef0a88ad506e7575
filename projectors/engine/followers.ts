/**
 * The projections that one process keeps up, and the one way in which they move: rows of all of
 * them and their checkpoints in one transaction, only from where each was believed to be. Whoever
 * else moved one meanwhile (another process after a lost lease, a rebuild's swap) is found out.
 */
import type { ClientBase, Pool } from 'pg';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { START, type Position } from '../../infra/event-store/port.js';
import { withTransaction } from '../../infra/postgres/pool.js';
import { foldBatch, type Folded } from './fold-batch.js';
import { openMemory, type Memory } from './memory.js';
import type { Projection } from './projection.js';
import type { Statement } from './write-rows.js';

export interface Follower {
  readonly projection: Projection;
  readonly memory: Memory;
  readonly generation: number;
  position: Position;
}

/** Events after the position before, up to and including `position`. */
export interface Stretch {
  readonly events: readonly RecordedEvent<AnyEvent>[];
  readonly position: Position;
}

/** A projection is not where it was left: everything known of it is void. */
export class Moved extends Error {
  constructor(names: readonly string[]) {
    super(`moved by somebody else, one of: ${names.join(', ')}`);
    this.name = 'Moved';
  }
}

/** Those that may run: known to the database from now on, not stopped, not of newer code. */
export async function loadFollowers(
  pool: Pool,
  projections: readonly Projection[],
): Promise<readonly Follower[]> {
  for (const { name, version, tables } of projections)
    await pool.query(
      `INSERT INTO readmodel.projections (name, version, tables, position)
       VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
      [name, version, tables.map((table) => table.name), START],
    );
  const mayRun = await runnable(pool, projections);
  return projections.flatMap((projection) => {
    const row = mayRun.get(projection.name);
    return row ? [{ projection, memory: openMemory(), ...row }] : [];
  });
}

/** Where those stand that may run. */
export async function runnable(
  pool: Pool,
  projections: readonly Projection[],
): Promise<ReadonlyMap<string, { readonly position: Position; readonly generation: number }>> {
  const { rows } = await pool.query<{ name: string; position: bigint; generation: number }>(
    `SELECT p.name, p.position, p.generation
     FROM readmodel.projections p JOIN unnest($1::text[], $2::integer[]) AS c (name, version)
       ON p.name = c.name AND p.version <= c.version
     WHERE p.stopped_at IS NULL`,
    [projections.map(({ name }) => name), projections.map(({ version }) => version)],
  );
  return new Map(rows.map(({ name, ...where }) => [name, where]));
}

/** Moves those that are not there yet to the end of the stretch. Throws `Moved`. */
export async function advance(
  pool: Pool,
  followers: readonly Follower[],
  { events, position }: Stretch,
): Promise<void> {
  const behind = followers.filter((follower) => follower.position < position);
  if (behind.length === 0) return;
  const folds: Folded[] = [];
  for (const { projection, memory, position: after } of behind) {
    const fresh = events.filter((event) => event.position > after);
    folds.push(await foldBatch(pool, projection, fresh, memory));
  }
  await withTransaction(pool, async (tx) => {
    await moveCheckpoints(tx, behind, position);
    for (const { statements } of folds) await runAll(tx, statements);
  });
  for (const fold of folds) fold.remember();
  for (const follower of behind) follower.position = position;
}

export async function runAll(tx: ClientBase, statements: readonly Statement[]): Promise<void> {
  for (const { name, text, values } of statements)
    await tx.query({ name, text, values: [...values] });
}

/**
 * Compare and set, and the lock that keeps everybody else off these rows until the commit. The
 * commit need not wait for the disk: rows and checkpoints are lost together or not at all, and the
 * log, which is the truth, gives them again.
 */
const MOVE_SQL = `
  WITH mine AS (
    SELECT p.name
    FROM readmodel.projections p
    JOIN unnest($1::text[], $2::bigint[], $3::integer[]) AS e (name, position, generation)
      ON p.name = e.name AND p.position = e.position AND p.generation = e.generation
    WHERE p.stopped_at IS NULL
    ORDER BY p.name
    FOR UPDATE OF p
  )
  UPDATE readmodel.projections p
  SET position = $4
  FROM mine
  WHERE p.name = mine.name
  RETURNING set_config('synchronous_commit', 'off', true)`;

async function moveCheckpoints(
  tx: ClientBase,
  followers: readonly Follower[],
  position: Position,
): Promise<void> {
  const names = followers.map(({ projection }) => projection.name);
  const positions = followers.map((follower) => follower.position);
  const generations = followers.map(({ generation }) => generation);
  const { rowCount } = await tx.query({
    name: 'project: move checkpoints',
    text: MOVE_SQL,
    values: [names, positions, generations, position],
  });
  if (rowCount !== followers.length) throw new Moved(names);
}
