/**
 * Shares of limits in PostgreSQL, table `processing.limit_shares`, by the database's clock alone.
 * Renewals take turns, so that each is granted out of what all others have: a few milliseconds each
 * second and process. A row that would end later than its own length from now was written by a
 * clock that has jumped back since, and counts as ended.
 */
import type { Pool, PoolClient } from 'pg';
import { shareFor } from '../../domain/rate-limit/shares.js';
import { withTransaction } from '../postgres/pool.js';
import type { LimitShares, LimitWish } from './port.js';

export const openPostgresLimitShares = ({ pool }: { pool: Pool }): LimitShares => ({
  renew: (holder, wishes, ttlMs) =>
    withTransaction(pool, (client) => renew(client, holder, wishes, ttlMs)),
  giveBack: async (holder) => {
    await pool.query('DELETE FROM processing.limit_shares WHERE holder = $1', [holder]);
  },
});

async function renew(
  client: PoolClient,
  holder: string,
  wishes: readonly LimitWish[],
  ttlMs: number,
): Promise<ReadonlyMap<string, number>> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [TURN]);
  const limits = wishes.map(({ limit }) => limit);
  const { rows } = await client.query<Row>(OTHERS, [limits, holder]);
  const shares = wishes.map(({ limit, perMinute, demand }) => {
    const others = rows.filter((row) => row.limit_name === limit);
    const share = shareFor(perMinute, demand, others);
    return { limit, share, demand };
  });
  await client.query(SAVE, [
    shares.map(({ limit }) => limit),
    holder,
    shares.map(({ share }) => share),
    shares.map(({ demand }) => demand),
    ttlMs,
  ]);
  return new Map(shares.map(({ limit, share }) => [limit, share]));
}

/** Of the advisory lock under which renewals take turns. */
const TURN = 212_000_001;

interface Row {
  limit_name: string;
  share: number;
  demand: number;
}

const OTHERS = `
  SELECT limit_name, share, demand
  FROM processing.limit_shares
  WHERE limit_name = ANY ($1::text[]) AND holder <> $2
    AND expires_at > clock_timestamp()
    AND expires_at <= clock_timestamp() + ttl_ms * interval '1 millisecond'`;

/** Deletes what ended long ago. */
const SAVE = `
  WITH ended AS (
    DELETE FROM processing.limit_shares
    WHERE expires_at < clock_timestamp() - interval '1 minute' AND holder <> $2
  )
  INSERT INTO processing.limit_shares (limit_name, holder, share, demand, ttl_ms, expires_at)
  SELECT limit_name, $2, share, demand, $5::int,
         clock_timestamp() + $5::int * interval '1 millisecond'
  FROM unnest($1::text[], $3::float8[], $4::float8[]) AS wished (limit_name, share, demand)
  ON CONFLICT (limit_name, holder) DO UPDATE
    SET share = excluded.share, demand = excluded.demand,
        ttl_ms = excluded.ttl_ms, expires_at = excluded.expires_at`;
