import { expect } from 'chai';
import { pino } from 'pino';
import { freshDatabase } from '../postgres/testing/fresh-database.js';
import { processingMigrations } from '../migrations/all.js';
import { migrate } from '../postgres/migrate.js';
import { openPool } from '../postgres/pool.js';
import { leasesContract } from './testing/contract.js';
import { openPostgresLeases } from './postgres.js';

/** One database for all cases: they differ in nothing but its rows. */
async function openDatabase() {
  const database = await freshDatabase();
  const log = pino({ level: 'silent' });
  const pool = openPool(database.url, { max: 10, applicationName: 'spec', log });
  await migrate(pool, processingMigrations);
  return { database, pool };
}

let opened: ReturnType<typeof openDatabase> | undefined;

async function open() {
  const { pool } = await (opened ??= openDatabase());
  const close = async () => void (await pool.query('TRUNCATE processing.leases'));
  return { pool, leases: openPostgresLeases({ pool }), close };
}

describe('leases in postgres', () => {
  after(async () => {
    if (!opened) return;
    const { database, pool } = await opened;
    await pool.end();
    await database.drop();
  });

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
