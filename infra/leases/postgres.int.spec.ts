import { expect } from 'chai';
import { migratedPool } from '../postgres/testing/migrated-pool.js';
import { processingMigrations } from '../migrations/all.js';
import { leasesContract } from './testing/contract.js';
import { openPostgresLeases } from './postgres.js';

describe('leases in postgres', () => {
  const database = migratedPool(processingMigrations);
  const open = async () => {
    const pool = await database();
    const close = async () => void (await pool.query('TRUNCATE processing.leases'));
    return { pool, leases: openPostgresLeases({ pool }), close };
  };

  leasesContract('postgres', open);

  describe('when the clock of the database jumps', () => {
    const TTL_MS = 60_000;

    /** The effect of a jump of the clock: the stored time moves against the clock. */
    const jumps: Record<string, string> = { back: '+', forward: '-' };
    for (const [direction, sign] of Object.entries(jumps)) {
      it(`an hour ${direction}: another may get it, and the first fails to renew`, async () => {
        const { pool, leases, close } = await open();
        const first = await leases.acquire('work', 'a', TTL_MS);
        await pool.query(
          `UPDATE processing.leases SET expires_at = expires_at ${sign} interval '1 hour'`,
        );
        const second = await leases.acquire('work', 'b', TTL_MS);
        expect(second && first && second.fencingToken > first.fencingToken).to.equal(true);
        expect(await first?.renew()).to.equal(false);
        await close();
      });

      it(`an hour ${direction}: the holder that renews first keeps the lease`, async () => {
        const { pool, leases, close } = await open();
        const first = await leases.acquire('work', 'a', TTL_MS);
        await pool.query(
          `UPDATE processing.leases SET expires_at = expires_at ${sign} interval '1 hour'`,
        );
        expect(await first?.renew()).to.equal(true);
        expect(await leases.acquire('work', 'b', TTL_MS)).to.equal(undefined);
        await close();
      });
    }
  });
});
