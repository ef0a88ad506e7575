/** How a rebuild goes, for those who watch it: written with each batch, and once it is done. */
import type { ClientBase } from 'pg';
import { START, type EventStore, type Position } from '../../infra/event-store/port.js';
import type { Checksum } from '../../infra/read-store/checksum.js';
import type { Projection } from './projection.js';

/** They begin at the log's first event, and have to come to where the log ends now at least. */
export async function beginProgress(
  client: ClientBase,
  names: readonly string[],
  store: Pick<EventStore, 'head'>,
): Promise<Position> {
  const head = await store.head();
  await client.query(
    `UPDATE readmodel.projections
     SET rebuild_started_at = clock_timestamp(), rebuild_head = $2, rebuild_position = $3,
       rebuild_events = 0, rebuild_error = NULL
     WHERE name = ANY ($1)`,
    [names, head, START],
  );
  return head;
}

interface Reached {
  readonly projection: Pick<Projection, 'name'>;
  readonly position: Position;
  readonly events: number;
}

/** The rows are locked by their names, as those who run the live ones lock them. */
const KEEP_SQL = `
  WITH mine AS (
    SELECT name FROM readmodel.projections WHERE name = ANY ($1::text[]) ORDER BY name FOR UPDATE
  )
  UPDATE readmodel.projections p
  SET rebuild_position = e.position, rebuild_events = e.events
  FROM mine JOIN unnest($1::text[], $2::bigint[], $3::bigint[]) AS e (name, position, events)
    ON mine.name = e.name
  WHERE p.name = mine.name`;

export async function keepProgress(client: ClientBase, all: readonly Reached[]): Promise<void> {
  const names = all.map(({ projection }) => projection.name);
  const positions = all.map(({ position }) => position);
  await client.query(KEEP_SQL, [names, positions, all.map(({ events }) => events)]);
}

interface Outcome {
  readonly events: number;
  readonly seconds: number;
  readonly comparison?: { readonly equal: boolean; readonly rebuilt: Checksum };
}

export async function keepOutcome(
  client: ClientBase,
  name: string,
  { events, seconds, comparison }: Outcome,
): Promise<void> {
  const { position = null, rows = null, checksum = null } = comparison?.rebuilt ?? {};
  await client.query(
    `UPDATE readmodel.projections
     SET rebuilt_at = clock_timestamp(), rebuilt_ms = $2, rebuilt_events = $3,
       rebuilt_position = $4, rebuilt_rows = $5, rebuilt_checksum = $6, rebuilt_equal = $7
     WHERE name = $1`,
    [name, Math.round(seconds * 1000), events, position, rows, checksum, comparison?.equal ?? null],
  );
}
