import { expect } from 'chai';
import { processingMigrations } from '../migrations/all.js';
import { migratedPool } from '../postgres/testing/migrated-pool.js';
import { openPostgresRequestLimits } from './postgres.js';
import { requestLimitsContract } from './testing/contract.js';

describe('request limits in postgres', () => {
  const database = migratedPool(processingMigrations);
  const open = async () => {
    const pool = await database();
    const close = async () => void (await pool.query('TRUNCATE processing.request_limits'));
    return { pool, limits: openPostgresRequestLimits({ pool }), close };
  };

  requestLimitsContract('postgres', open);

  it('forgets what nobody touched for minutes', async () => {
    const { pool, close } = await open();
    const claim = (name: string) =>
      openPostgresRequestLimits({ pool }).claim([
        { name, limit: { perMinute: 10, burst: 10 }, wanted: 1, unused: 0 },
      ]);
    await claim('old');
    await pool.query(
      `UPDATE processing.request_limits SET touched_at = touched_at - interval '6 minutes'`,
    );
    await claim('new');
    const { rows } = await pool.query('SELECT limit_name FROM processing.request_limits');
    expect(rows).to.deep.equal([{ limit_name: 'new' }]);
    await close();
  });
});
