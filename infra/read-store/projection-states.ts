/** How the projections are, and the one thing that operators ask of them. */
import type { Pool } from 'pg';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { Position } from '../event-store/port.js';
import { rowsOf } from './reading.js';
import { amount, count, maybe, text, time, type Row } from './table.js';

export interface ProjectionState {
  readonly name: string;
  readonly version: number;
  /** How many times it was swapped. */
  readonly generation: number;
  readonly tables: readonly string[];
  readonly position: Position;
  /** `rebuilding`: the live tables run on while others are filled beside them. */
  readonly state: 'running' | 'rebuilding' | 'stopped';
  /** Why it stopped, and at which event. */
  readonly stopped?: { readonly at: Timestamp; readonly position: Position; error: string };
  readonly rebuildRequested: boolean;
  readonly rebuildPosition?: Position;
  readonly rebuildError?: string;
}

/** First key of the advisory locks that rebuilds hold; the second is the projection's number. */
export const REBUILD_LOCK = 0x7265; // "re"

export async function projectionStates(
  pool: Pick<Pool, 'query'>,
): Promise<readonly ProjectionState[]> {
  const rows = await rowsOf(pool, {
    name: 'projection states',
    text: `
      SELECT p.*, l.objid IS NOT NULL AS is_rebuilding
      FROM readmodel.projections p
      LEFT JOIN pg_locks l
        ON l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid = ${REBUILD_LOCK} AND l.objid = p.number
      ORDER BY p.name`,
  });
  return rows.map(stateOf);
}

/** Asks the projectors for a rebuild; false when there is no such projection. */
export async function requestRebuild(pool: Pick<Pool, 'query'>, name: string): Promise<boolean> {
  const rows = await rowsOf(pool, {
    text: `
      UPDATE readmodel.projections
      SET rebuild_requested_at = clock_timestamp(), rebuild_error = NULL
      WHERE name = $1
      RETURNING name`,
    values: [name],
  });
  return rows.length > 0;
}

function stateOf(row: Row): ProjectionState {
  const isRebuilding = row['is_rebuilding'] === true;
  const isStopped = row['stopped_at'] !== null;
  return {
    name: text(row, 'name'),
    version: count(row, 'version'),
    generation: count(row, 'generation'),
    tables: row['tables'] as string[],
    position: amount(row, 'position'),
    state: isRebuilding ? 'rebuilding' : isStopped ? 'stopped' : 'running',
    ...(isStopped && {
      stopped: {
        at: time(row, 'stopped_at'),
        position: amount(row, 'stopped_position'),
        error: text(row, 'error'),
      },
    }),
    rebuildRequested: row['rebuild_requested_at'] !== null,
    ...(isRebuilding && maybe(row, 'rebuild_position', 'rebuildPosition', amount)),
    ...maybe(row, 'rebuild_error', 'rebuildError', text),
  };
}
