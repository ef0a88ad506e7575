/**
 * The projections that one worker feeds, batch by batch. Rows of all of them and their checkpoints
 * change in one transaction, and only from the positions that the worker believes in: when another
 * process (after a lost lease) or the swap of a rebuild has moved one, the transaction is refused.
 */
import type { ClientBase, Pool } from 'pg';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { START, type Position } from '../../infra/event-store/port.js';
import { withTransaction } from '../../infra/postgres/pool.js';
import { foldBatch, type Folded } from './fold-batch.js';
import { openRowCache, type RowCache } from './row-cache.js';
import type { Projection } from './projection.js';
import type { Statement } from './write-rows.js';

export interface RunningProjection {
  readonly projection: Projection;
  readonly rowCache: RowCache;
  readonly generation: number;
  position: Position;
}

/** Events after the position of a projection, up to and including `position`. */
export interface EventBatch {
  readonly events: readonly RecordedEvent<AnyEvent>[];
  readonly position: Position;
}

/** Another process moved a projection: its cached rows and position are void. */
export class Moved extends Error {
  constructor(names: readonly string[]) {
    super(`moved by somebody else, one of: ${names.join(', ')}`);
    this.name = 'Moved';
  }
}

/** The projections that may run: not stopped, and not of newer code. Adds rows for new ones. */
export async function loadProjections(
  pool: Pool,
  projections: readonly Projection[],
): Promise<readonly RunningProjection[]> {
  for (const { name, version, tables } of projections)
    await pool.query(
      `INSERT INTO readmodel.projections (name, version, tables, position)
       VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
      [name, version, tables.map((table) => table.name), START],
    );
  const mayRun = await runnable(pool, projections);
  return projections.flatMap((projection) => {
    const row = mayRun.get(projection.name);
    return row ? [{ projection, rowCache: openRowCache(), ...row }] : [];
  });
}

/** Position and generation of the projections that may run. */
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

/** Moves the projections that are behind to the end of the batch. Throws `Moved`. */
export async function advance(
  pool: Pool,
  running: readonly RunningProjection[],
  { events, position }: EventBatch,
): Promise<void> {
  const behind = running.filter((one) => one.position < position);
  if (behind.length === 0) return;
  const folds = await withTransaction(pool, async (tx) => {
    await moveCheckpoints(tx, behind, position);
    return foldAndWrite(tx, behind, events);
  });
  for (const fold of folds) fold.cacheRows();
  for (const one of behind) one.position = position;
}

/**
 * What the events behind its position make of each, in tables with the suffix. The rows of one are
 * written while those of the next one are folded.
 */
export async function foldAndWrite(
  tx: ClientBase,
  behind: readonly Omit<RunningProjection, 'generation'>[],
  events: EventBatch['events'],
  suffix = '',
): Promise<readonly Folded[]> {
  const folds: Folded[] = [];
  let written: Promise<unknown> = Promise.resolve();
  try {
    for (const { projection, rowCache, position: after } of behind) {
      const fresh = events.filter((event) => event.position > after);
      const folded = await foldBatch(tx, projection, fresh, rowCache, suffix);
      await written;
      written = runAll(tx, folded.statements);
      // It is awaited below, whatever becomes of the next one.
      written.catch(() => undefined);
      folds.push(folded);
    }
    await written;
    return folds;
  } catch (error) {
    // What it would still send must not come behind the end of the transaction.
    await written.catch(() => undefined);
    throw error;
  }
}

async function runAll(tx: ClientBase, statements: readonly Statement[]): Promise<void> {
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
  running: readonly RunningProjection[],
  position: Position,
): Promise<void> {
  const names = running.map(({ projection }) => projection.name);
  const positions = running.map((one) => one.position);
  const generations = running.map(({ generation }) => generation);
  const { rowCount } = await tx.query({
    name: 'project: move checkpoints',
    text: MOVE_SQL,
    values: [names, positions, generations, position],
  });
  if (rowCount !== running.length) throw new Moved(names);
}
