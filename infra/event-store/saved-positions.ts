/**
 * The positions that a database keeps, against the log that was opened with it. A store that was
 * restored from a backup may have grown past them since: then they are between its events, and
 * whoever went on from there would miss some, or could not read at all.
 */
import type { Pool } from 'pg';
import { StartError } from '../start-error.js';
import type { Place } from './log-reader.js';
import type { Position } from './port.js';
import type { RawLog } from './raw-log.js';

interface Saved {
  readonly name: string;
  readonly position: Position;
}

/** Throws `StartError` with the first one, by name, at which no event of the log begins. */
export async function expectPositionsIn(
  pool: Pool,
  rawLog: Pick<RawLog, 'place'>,
  store: string,
): Promise<void> {
  // What others save meanwhile is nothing to worry about: they have read it.
  const { rows } = await pool.query<Saved>(`
    SELECT 'the checkpoint of ' || group_name AS name, position FROM processing.checkpoints
    UNION ALL
    SELECT 'the projection ' || name, position FROM readmodel.projections
    ORDER BY name`);
  const positions = [...new Set(rows.map(({ position }) => position))];
  const asked = positions.map(async (at) => [at, await rawLog.place(at)] as const);
  const places = new Map(await Promise.all(asked));
  for (const { name, position } of rows) {
    const place = places.get(position) ?? 'event';
    if (place !== 'event')
      throw new StartError(
        `In this database ${name} is at position ${position}, and the log in ${store} ` +
          `${FINDINGS[place]}: the event store was restored from another backup than the ` +
          'database, or is another one. Restore both from the same time.',
      );
  }
}

const FINDINGS: Record<Exclude<Place, 'event'>, string> = {
  between: 'has no event there',
  behind: 'ends before it',
};
