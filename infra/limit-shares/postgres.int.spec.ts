import { expect } from 'chai';
import { pino } from 'pino';
import { processingMigrations } from '../migrations/all.js';
import { migrate } from '../postgres/migrate.js';
import { openPool } from '../postgres/pool.js';
import { freshDatabase } from '../postgres/testing/fresh-database.js';
import { openPostgresLimitShares } from './postgres.js';
import { limitSharesContract } from './testing/contract.js';

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
  const close = async () => void (await pool.query('TRUNCATE processing.limit_shares'));
  return { pool, shares: openPostgresLimitShares({ pool }), close };
}

describe('limit shares in postgres', () => {
  after(async () => {
    if (!opened) return;
    const { database, pool } = await opened;
    await pool.end();
    await database.drop();
  });

  limitSharesContract('postgres', open);

  for (const [direction, sign] of Object.entries({ back: '+', forward: '-' }))
    it(`ends a share early when the clock jumps an hour ${direction}`, async () => {
      const { pool, shares, close } = await open();
      const wish = { limit: 'work', perMinute: 10, demand: 50 };
      await shares.renew('a', [wish], 60_000);
      await pool.query(
        `UPDATE processing.limit_shares SET expires_at = expires_at ${sign} interval '1 hour'`,
      );
      expect((await shares.renew('b', [wish], 60_000)).get('work')).to.equal(10);
      await close();
    });
});
