/** Makes the rebuilds that operators ask for, and those that newer code needs. */
import { pause } from '../../infra/concurrency/pause.js';
import type { Projection } from './projection.js';
import { openPaceBeside } from './rebuild-pace.js';
import { rebuild, RebuildUnderWay, type Rebuilding } from './rebuild.js';

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
      for (const { projection, requested } of await wanted(rebuilding, projections)) {
        if (signal.aborted) return;
        const { name } = projection;
        if (!requested && performance.now() < (notBeforeMs.get(name) ?? 0)) continue;
        notBeforeMs.set(name, performance.now() + AGAIN_MS);
        await make(rebuilding, projection);
      }
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

async function make(rebuilding: Rebuilding, projection: Projection): Promise<void> {
  const { pool, log } = rebuilding;
  const { name } = projection;
  try {
    await rebuild(rebuilding, projection, { swap: true });
  } catch (error) {
    if (error instanceof RebuildUnderWay || rebuilding.signal?.aborted) return;
    log.warn({ projection: name, err: error }, 'a rebuild failed; the live rows stay');
    const message = error instanceof Error ? error.message : String(error);
    await pool.query(
      `UPDATE readmodel.projections SET rebuild_requested_at = NULL, rebuild_error = $2
       WHERE name = $1`,
      [name, message],
    );
  }
}
