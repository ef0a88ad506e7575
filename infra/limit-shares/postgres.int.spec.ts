import { expect } from 'chai';
import { processingMigrations } from '../migrations/all.js';
import { migratedPool } from '../postgres/testing/migrated-pool.js';
import { openPostgresLimitShares } from './postgres.js';
import { limitSharesContract } from './testing/contract.js';

describe('limit shares in postgres', () => {
  const database = migratedPool(processingMigrations);
  const open = async () => {
    const pool = await database();
    const close = async () => void (await pool.query('TRUNCATE processing.limit_shares'));
    return { pool, shares: openPostgresLimitShares({ pool }), close };
  };

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
