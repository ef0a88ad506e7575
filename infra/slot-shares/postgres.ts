/**
 * Shares of slots in PostgreSQL, table `processing.slot_shares`, by the database's clock alone.
 * Renewals take turns, so that each is granted out of what all others have: a few milliseconds each
 * second and process. A row that would end later than its own length from now was written by a
 * clock that has jumped back since, and counts as ended.
 */
import type { Pool, PoolClient } from 'pg';
import { slotsFor } from '../../domain/rate-limit/slots.js';
import { withTransaction } from '../postgres/pool.js';
import { TURN_MS, type SlotShares, type SlotWish } from './port.js';

export const openPostgresSlotShares = ({ pool }: { pool: Pool }): SlotShares => ({
  renew: (holder, wishes, ttlMs) =>
    withTransaction(pool, (client) => renew(client, holder, wishes, ttlMs)),
  giveBack: async (holder) => {
    await pool.query('DELETE FROM processing.slot_shares WHERE holder = $1', [holder]);
  },
});

async function renew(
  client: PoolClient,
  holder: string,
  wishes: readonly SlotWish[],
  ttlMs: number,
): Promise<ReadonlyMap<string, number>> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
  const providers = wishes.map(({ provider }) => provider);
  const { rows } = await client.query<Row>(OTHERS, [providers, holder, TURN_MS]);
  const kept = wishes.map(({ provider, limit, demand, keep }) => {
    const others = rows.filter((row) => row.provider === provider);
    const free = others.reduce((rest, { slots }) => rest - slots, limit);
    const turn = others[0]?.turn ?? 0;
    const fair = slotsFor(limit, { name: holder, demand }, others, turn);
    return { provider, slots: keep(Math.max(0, Math.min(fair, free))), demand };
  });
  await client.query(SAVE, [
    providers,
    holder,
    kept.map(({ slots }) => slots),
    kept.map(({ demand }) => demand),
    ttlMs,
  ]);
  return new Map(kept.map(({ provider, slots }) => [provider, slots]));
}

/** Of the advisory lock under which renewals take turns. */
const LOCK = 426_000_001;

interface Row {
  provider: string;
  name: string;
  slots: number;
  demand: number;
  turn: number;
}

const OTHERS = `
  SELECT provider, holder AS name, slots, demand,
         floor(extract(epoch FROM clock_timestamp()) * 1000 / $3::int)::float8 AS turn
  FROM processing.slot_shares
  WHERE provider = ANY ($1::text[]) AND holder <> $2
    AND expires_at > clock_timestamp()
    AND expires_at <= clock_timestamp() + ttl_ms * interval '1 millisecond'`;

/** Deletes what ended long ago. */
const SAVE = `
  WITH ended AS (
    DELETE FROM processing.slot_shares
    WHERE expires_at < clock_timestamp() - interval '1 minute' AND holder <> $2
  )
  INSERT INTO processing.slot_shares (provider, holder, slots, demand, ttl_ms, expires_at)
  SELECT provider, $2, slots, demand, $5::int,
         clock_timestamp() + $5::int * interval '1 millisecond'
  FROM unnest($1::text[], $3::int[], $4::int[]) AS wished (provider, slots, demand)
  ON CONFLICT (provider, holder) DO UPDATE
    SET slots = excluded.slots, demand = excluded.demand,
        ttl_ms = excluded.ttl_ms, expires_at = excluded.expires_at`;
