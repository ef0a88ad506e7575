/** How the projections are, and the one thing that operators ask of them. */
import type { Pool } from 'pg';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { Position } from '../event-store/port.js';
import type { Checksum } from './checksum.js';
import { rowsOf } from './reading.js';
import { amount, count, maybe, text, time, type Row } from './table.js';
import type { RebuildWay } from './time-left.js';

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
  /** How far the one under way has come. */
  readonly rebuilding?: RebuildWay & { readonly events: number; readonly startedAt: Timestamp };
  /** How the last one ended. */
  readonly rebuilt?: LastRebuild;
  readonly rebuildError?: string;
}

interface LastRebuild {
  readonly at: Timestamp;
  readonly ms: number;
  readonly events: number;
  /** Absent where it could not be compared with the live rows. */
  readonly compared?: Checksum & { readonly equal: boolean };
}

/** First key of the advisory locks that rebuilds hold; the second is the projection's number. */
export const REBUILD_LOCK = 0x7265; // "re"

export async function projectionStates(
  pool: Pick<Pool, 'query'>,
): Promise<readonly ProjectionState[]> {
  const rows = await rowsOf(pool, {
    name: 'projection states',
    text: `
      SELECT p.*, l.objid IS NOT NULL AS is_rebuilding,
        (extract(epoch FROM clock_timestamp() - p.rebuild_started_at) * 1000)::bigint
          AS rebuilding_ms
      FROM readmodel.projections p
      LEFT JOIN pg_locks l
        ON l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid = ${REBUILD_LOCK} AND l.objid = p.number
      ORDER BY p.name`,
  });
  return rows.map(stateOf);
}

/** Asks the projectors for a rebuild of one, or of all; answers the names of those there are. */
export async function requestRebuilds(
  pool: Pick<Pool, 'query'>,
  name?: string,
): Promise<readonly string[]> {
  const rows = await rowsOf(pool, {
    text: `
      UPDATE readmodel.projections
      SET rebuild_requested_at = clock_timestamp(), rebuild_error = NULL
      WHERE $1::text IS NULL OR name = $1
      RETURNING name`,
    values: [name ?? null],
  });
  return rows.map((row) => text(row, 'name')).sort();
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
    ...(isRebuilding && row['rebuilding_ms'] !== null && { rebuilding: rebuildingOf(row) }),
    ...maybe(row, 'rebuilt_at', 'rebuilt', lastRebuildOf),
    ...maybe(row, 'rebuild_error', 'rebuildError', text),
  };
}

const rebuildingOf = (row: Row) => ({
  position: amount(row, 'rebuild_position'),
  head: amount(row, 'rebuild_head'),
  events: count(row, 'rebuild_events'),
  startedAt: time(row, 'rebuild_started_at'),
  elapsedMs: count(row, 'rebuilding_ms'),
});

const lastRebuildOf = (row: Row): LastRebuild => ({
  at: time(row, 'rebuilt_at'),
  ms: count(row, 'rebuilt_ms'),
  events: count(row, 'rebuilt_events'),
  ...maybe(row, 'rebuilt_equal', 'compared', comparedOf),
});

const comparedOf = (row: Row) => ({
  position: amount(row, 'rebuilt_position'),
  rows: amount(row, 'rebuilt_rows'),
  checksum: text(row, 'rebuilt_checksum'),
  equal: row['rebuilt_equal'] === true,
});
