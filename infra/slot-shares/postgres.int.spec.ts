import { expect } from 'chai';
import { processingMigrations } from '../migrations/all.js';
import { migratedPool } from '../postgres/testing/migrated-pool.js';
import { openPostgresSlotShares } from './postgres.js';
import { slotSharesContract } from './testing/contract.js';

describe('slot shares in postgres', () => {
  const database = migratedPool(processingMigrations);
  const open = async () => {
    const pool = await database();
    const close = async () => void (await pool.query('TRUNCATE processing.slot_shares'));
    return { pool, shares: openPostgresSlotShares({ pool }), close };
  };

  slotSharesContract('postgres', open);

  for (const [direction, sign] of Object.entries({ back: '+', forward: '-' }))
    it(`ends a share early when the clock jumps an hour ${direction}`, async () => {
      const { pool, shares, close } = await open();
      const wish = {
        provider: 'aurora',
        limit: 10,
        demand: 50,
        keep: (slots: number) => slots,
      };
      await shares.renew('a', [wish], 60_000);
      await pool.query(
        `UPDATE processing.slot_shares SET expires_at = expires_at ${sign} interval '1 hour'`,
      );
      expect((await shares.renew('b', [wish], 60_000)).get('aurora')).to.equal(10);
      await close();
    });
});
