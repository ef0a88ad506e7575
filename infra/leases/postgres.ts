/**
 * Leases in PostgreSQL, table `processing.leases`, measured by the database's clock alone.
 *
 * When that clock itself jumps forward, a lease may pass to another early: the fencing token
 * distinguishes the two, and the first learns of it at its next renewal. When it jumps back, a
 * lease would seem to last for the jump too: one that ends later than its own length from now was
 * granted by another clock, and counts as expired.
 */
import type { Pool } from 'pg';
import type { Lease, Leases } from './port.js';

export function openPostgresLeases({ pool }: { pool: Pool }): Leases {
  return {
    acquire: async (name, holder, ttlMs) => {
      const { rows } = await pool.query<{ token: bigint }>(ACQUIRE, [name, holder, ttlMs]);
      return rows[0] && leaseOf(pool, name, rows[0].token);
    },
  };
}

function leaseOf(pool: Pool, name: string, token: bigint): Lease {
  return {
    name,
    fencingToken: token,
    renew: async () => (await pool.query(RENEW, [name, token])).rowCount === 1,
    release: async () => {
      await pool.query(RELEASE, [name, token]);
    },
  };
}

const ACQUIRE = `
  INSERT INTO processing.leases (name, holder, token, ttl_ms, expires_at)
  VALUES ($1, $2, 1, $3::int, clock_timestamp() + $3::int * interval '1 millisecond')
  ON CONFLICT (name) DO UPDATE
    SET holder = excluded.holder, token = leases.token + 1,
        ttl_ms = excluded.ttl_ms, expires_at = excluded.expires_at
    WHERE leases.holder = excluded.holder
       OR leases.expires_at <= clock_timestamp()
       OR leases.expires_at > clock_timestamp() + leases.ttl_ms * interval '1 millisecond'
  RETURNING token`;

/** Also of an expired lease, as long as nobody else was granted it. */
const RENEW = `
  UPDATE processing.leases
  SET expires_at = clock_timestamp() + ttl_ms * interval '1 millisecond'
  WHERE name = $1 AND token = $2 AND expires_at > '-infinity'`;

/** The row stays: it remembers the token. */
const RELEASE = `
  UPDATE processing.leases SET expires_at = '-infinity' WHERE name = $1 AND token = $2`;
