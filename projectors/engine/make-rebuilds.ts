/** Makes the rebuilds that operators ask for, and those that newer code needs. */
import { pause } from '../../infra/concurrency/pause.js';
import type { Projection } from './projection.js';
import { openPaceBeside } from './rebuild-pace.js';
import { rebuildAll, RebuildUnderWay, type Rebuilding } from './rebuild.js';

const LOOK_MS = 1_000;

/** A rebuild that newer code needs and that failed is not tried again sooner. */
const AGAIN_MS = 60_000;

/** Until the signal aborts; a rebuild under way ends then, and the next process makes it anew. */
export async function makeRebuilds(
  options: Rebuilding,
  projections: readonly Projection[],
  signal: AbortSignal,
): Promise<void> {
  const rebuilding = { pace: openPaceBeside(), ...options, signal };
  const notBeforeMs = new Map<string, number>();
  while (!signal.aborted) {
    try {
      const due = (await wanted(rebuilding, projections)).filter(
        ({ projection: { name }, requested }) =>
          requested || performance.now() >= (notBeforeMs.get(name) ?? 0),
      );
      for (const { projection } of due)
        notBeforeMs.set(projection.name, performance.now() + AGAIN_MS);
      await make(
        rebuilding,
        due.map(({ projection }) => projection),
      );
    } catch (error) {
      rebuilding.log.warn({ err: error }, 'rebuilds cannot be looked for');
    }
    await pause(LOOK_MS, signal);
  }
}

interface Wanted {
  readonly projection: Projection;
  readonly requested: boolean;
}

async function wanted(
  { pool }: Rebuilding,
  projections: readonly Projection[],
): Promise<readonly Wanted[]> {
  const { rows } = await pool.query<{ name: string; version: number; requested: boolean }>({
    name: 'rebuilds wanted',
    text: `SELECT name, version, rebuild_requested_at IS NOT NULL AS requested
           FROM readmodel.projections`,
  });
  return projections.flatMap((projection) => {
    const row = rows.find(({ name }) => name === projection.name);
    if (!row || row.version > projection.version) return [];
    const { requested } = row;
    return requested || row.version < projection.version ? [{ projection, requested }] : [];
  });
}

/** Those that are wanted at one time are made in one reading of the log. */
async function make(rebuilding: Rebuilding, projections: readonly Projection[]): Promise<void> {
  if (projections.length === 0) return;
  const left = new Set(projections.map(({ name }) => name));
  try {
    for await (const outcome of rebuildAll(rebuilding, projections, { swap: true })) {
      left.delete(outcome.name);
      if ('error' in outcome) await keepFailure(rebuilding, [outcome.name], outcome.error);
    }
  } catch (error) {
    if (!rebuilding.signal?.aborted) await keepFailure(rebuilding, [...left], error);
  }
}

async function keepFailure(
  { pool, log }: Rebuilding,
  names: readonly string[],
  error: unknown,
): Promise<void> {
  if (error instanceof RebuildUnderWay) return;
  log.warn({ projections: names, err: error }, 'a rebuild failed; the live rows stay');
  const message = error instanceof Error ? error.message : String(error);
  await pool.query(
    `UPDATE readmodel.projections SET rebuild_requested_at = NULL, rebuild_error = $2
     WHERE name = ANY ($1)`,
    [names, message],
  );
}
