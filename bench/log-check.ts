/** What the log itself says, read with SQL of its own and never with the code under test. */
import { query } from './database.js';

/** The bytes that one accept writes, on average. */
export interface AcceptBytes {
  readonly payload: number;
  readonly hold: EventBytes;
  readonly request: EventBytes;
}

interface EventBytes {
  readonly data: number;
  readonly metadata: number;
}

export async function acceptBytes(url: string): Promise<AcceptBytes> {
  const [row] = await query<Record<string, number>>(
    url,
    `WITH e AS (
      SELECT type, avg(octet_length(data))::int AS data,
        avg(octet_length(metadata))::int AS metadata
      FROM eventstore.events WHERE type IN ('HoldPlaced', 'ExecutionRequested') GROUP BY type
    )
    SELECT h.data AS hold_data, h.metadata AS hold_metadata, r.data AS request_data,
      r.metadata AS request_metadata,
      (SELECT avg(octet_length(bytes))::int FROM eventstore.payloads) AS payload
    FROM e h, e r WHERE h.type = 'HoldPlaced' AND r.type = 'ExecutionRequested'`,
  );
  const of = (name: string): number => {
    const bytes = row?.[name];
    if (bytes) return bytes;
    throw new Error(`the log has nothing to tell of ${name}`);
  };
  return {
    payload: of('payload'),
    hold: { data: of('hold_data'), metadata: of('hold_metadata') },
    request: { data: of('request_data'), metadata: of('request_metadata') },
  };
}

interface LogCounts {
  readonly requested: number;
  readonly holds: number;
  readonly payloads: number;
  readonly completed: number;
  readonly settled: number;
}

export async function logCounts(url: string): Promise<LogCounts> {
  const [row] = await query<Record<keyof LogCounts, number>>(
    url,
    `SELECT
      (count(*) FILTER (WHERE type = 'ExecutionRequested'))::int AS requested,
      (count(*) FILTER (WHERE type = 'HoldPlaced'))::int AS holds,
      (count(*) FILTER (WHERE type = 'ExecutionCompleted'))::int AS completed,
      (count(*) FILTER (WHERE type = 'HoldSettled'))::int AS settled,
      (SELECT count(*) FROM eventstore.payloads WHERE ref LIKE '%/input/%')::int AS payloads
    FROM eventstore.events`,
  );
  if (!row) throw new Error('the log cannot be counted');
  return row;
}

/** Every 202 stands in the log once: as a request, with a hold, with its input. */
export async function acceptedAllStand(url: string, accepted: number): Promise<string[]> {
  const { requested, holds, payloads } = await logCounts(url);
  const differing = Object.entries({ requested, holds, payloads }).filter(
    ([, n]) => n !== accepted,
  );
  return differing.map(
    ([what, n]) => `${accepted} were answered 202, but ${what} in the log: ${n}`,
  );
}
