/**
 * Shares of slots in PostgreSQL, table `processing.slot_shares`, by the database's clock alone.
 * What a holder is to have is decided here, and saved as far as nobody was given it meanwhile
 * (function `processing.renew_slots`): two round trips, and no lock between them. A row that would
 * end later than its own length from now was written by a clock that has jumped back since, and
 * counts as ended.
 */
import type { Pool } from 'pg';
import { slotsLeftFor } from '../../domain/rate-limit/slots.js';
import { TURN_MS, type SlotShares } from './port.js';

export const openPostgresSlotShares = ({ pool }: { pool: Pool }): SlotShares => ({
  async renew(holder, wishes, ttlMs) {
    const providers = wishes.map(({ provider }) => provider);
    const values = [providers, holder, TURN_MS];
    const { rows } = await pool.query<Row>({ name: 'others_slots', text: OTHERS, values });
    const kept = wishes.map(({ provider, limit, demand, keep }) => {
      const others = rows.filter((row) => row.provider === provider);
      const turn = others[0]?.turn ?? 0;
      const slots = slotsLeftFor(limit, { name: holder, demand }, others, turn);
      const least = keep(slots);
      return { slots, least: least > slots ? least : 0, limit, demand };
    });
    const { rows: saved } = await pool.query<{ provider: string; slots: number }>({
      name: 'renew_slots',
      text: RENEW,
      values: [
        holder,
        ttlMs,
        providers,
        kept.map(({ slots }) => slots),
        kept.map(({ least }) => least),
        kept.map(({ limit }) => limit),
        kept.map(({ demand }) => demand),
      ],
    });
    return new Map(saved.map(({ provider, slots }) => [provider, slots]));
  },
  giveBack: async (holder) => {
    await pool.query('DELETE FROM processing.slot_shares WHERE holder = $1', [holder]);
  },
});

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

const RENEW = `
  SELECT provider, slots
  FROM processing.renew_slots($1, $2, $3::text[], $4::int[], $5::int[], $6::int[], $7::int[])`;
