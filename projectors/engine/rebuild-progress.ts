/** How a rebuild goes, for those who watch it: written with each batch, and once it is done. */
import type { ClientBase } from 'pg';
import { START, type EventStore, type Position } from '../../infra/event-store/port.js';
import type { Checksum } from '../../infra/read-store/checksum.js';

/** It begins at the log's first event, and has to come to where the log ends now at least. */
export async function beginProgress(
  client: ClientBase,
  name: string,
  store: Pick<EventStore, 'head'>,
): Promise<Position> {
  const head = await store.head();
  await client.query(
    `UPDATE readmodel.projections
     SET rebuild_started_at = clock_timestamp(), rebuild_head = $2, rebuild_position = $3,
       rebuild_events = 0, rebuild_error = NULL
     WHERE name = $1`,
    [name, head, START],
  );
  return head;
}

interface Reached {
  readonly position: Position;
  readonly events: number;
}

export async function keepProgress(
  client: ClientBase,
  name: string,
  { position, events }: Reached,
): Promise<void> {
  await client.query(
    'UPDATE readmodel.projections SET rebuild_position = $2, rebuild_events = $3 WHERE name = $1',
    [name, position, events],
  );
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
