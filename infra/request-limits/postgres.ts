/**
 * Limits of requests in PostgreSQL, table `processing.request_limits`, by the database's clock
 * alone. A claim locks the rows of its limits, in the order of their names, for the time of one
 * statement more. A row that was not touched for some minutes says nothing and is deleted.
 */
import type { Pool, PoolClient } from 'pg';
import { claimed, type Grant, type Spending } from '../../domain/rate-limit/request-limit.js';
import { withTransaction } from '../postgres/pool.js';
import type { RequestClaim, RequestLimits } from './port.js';

export function openPostgresRequestLimits({ pool }: { pool: Pool }): RequestLimits {
  let cleanedMs = -Infinity;
  return {
    claim: (claims) =>
      withTransaction(pool, async (client) => {
        const nowMs = performance.now();
        if (nowMs - cleanedMs > CLEAN_EVERY_MS) {
          cleanedMs = nowMs;
          await client.query(CLEAN);
        }
        return claimAll(client, claims);
      }),
  };
}

const CLEAN_EVERY_MS = 60_000;

async function claimAll(
  client: PoolClient,
  claims: readonly RequestClaim[],
): Promise<ReadonlyMap<string, Grant>> {
  const names = claims.map(({ name }) => name);
  const { rows } = await client.query<Row>(TOUCH, [names]);
  const byName = new Map(rows.map((row) => [row.limit_name, row]));
  const grants = new Map<string, Grant>();
  const spendings: string[] = [];
  for (const claim of claims) {
    const { spending, now_ms: nowMs } = byName.get(claim.name) ?? lost(claim.name);
    const [next, grant] = claimed(spending ?? undefined, claim, nowMs);
    grants.set(claim.name, grant);
    spendings.push(JSON.stringify(next));
  }
  await client.query(SAVE, [names, spendings]);
  return grants;
}

function lost(name: string): never {
  throw new Error(`the row of ${name} was not touched`);
}

interface Row {
  limit_name: string;
  /** Null in a new row. */
  spending: Spending | null;
  now_ms: number;
}

const TOUCH = `
  INSERT INTO processing.request_limits (limit_name, spending, touched_at)
  SELECT name, 'null'::jsonb, clock_timestamp()
  FROM unnest($1::text[]) AS claimed (name)
  ORDER BY name COLLATE "C"
  ON CONFLICT (limit_name) DO UPDATE SET touched_at = clock_timestamp()
  RETURNING limit_name, spending,
    (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms`;

const SAVE = `
  UPDATE processing.request_limits AS r
  SET spending = s.spending::jsonb
  FROM unnest($1::text[], $2::text[]) AS s (limit_name, spending)
  WHERE r.limit_name = s.limit_name`;

const CLEAN = `
  DELETE FROM processing.request_limits
  WHERE limit_name IN (
    SELECT limit_name FROM processing.request_limits
    WHERE touched_at < clock_timestamp() - interval '5 minutes'
    LIMIT 1000
    FOR UPDATE SKIP LOCKED
  )`;
