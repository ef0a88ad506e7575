import { expect } from 'chai';
import { migratedPool } from '../postgres/testing/migrated-pool.js';
import { checkpointsContract } from './testing/contract.js';
import { openPostgresCheckpoints } from './postgres.js';
import { processingMigrations } from '../migrations/all.js';

describe('checkpoints in postgres', () => {
  const database = migratedPool(processingMigrations);
  const open = async () => {
    const pool = await database();
    const close = async () =>
      void (await pool.query('TRUNCATE processing.checkpoints, processing.dead_letters'));
    return { pool, checkpoints: openPostgresCheckpoints({ pool }), close };
  };

  checkpointsContract('postgres', open);

  it('saves without waiting for the disk, and leaves the connection as it was', async () => {
    const { pool, checkpoints, close } = await open();
    await checkpoints.save('a', 1n);
    const { rows } = await pool.query('SHOW synchronous_commit');
    expect(rows).to.deep.equal([{ synchronous_commit: 'on' }]);
    await close();
  });

  it('goes on for a process of an older release, under the former table names', async () => {
    const { pool, checkpoints, close } = await open();
    await pool.query(
      `INSERT INTO processing.parked_wakes
         (group_name, stream, revision, type, position, attempts, error)
       SELECT 'a', 'execution-one', n, 'ExecutionExpired', 7, n, 'no'
       FROM generate_series(1, 2) AS n WHERE n > 0
       ON CONFLICT (group_name, stream, revision) DO UPDATE
         SET attempts = excluded.attempts, error = excluded.error,
             parked_at = clock_timestamp(), retry_requested = false`,
    );
    await pool.query(
      'UPDATE processing.parked_wakes SET retry_requested = true WHERE revision = 2',
    );
    await pool.query('DELETE FROM processing.parked_wakes WHERE revision = 1');
    const [letter, ...others] = await checkpoints.redrivesRequested('a');
    expect([letter?.revision, letter?.attempts, others]).to.deep.equal([2, 2, []]);
    await pool.query(
      `INSERT INTO processing.handled_wakes (group_name, highest, positions)
       SELECT 'a', max(n), array_agg(n) FROM generate_series(7, 8) AS n HAVING count(*) > 0`,
    );
    const { rows } = await pool.query('SELECT positions FROM processing.processed_positions');
    expect(rows).to.deep.equal([{ positions: [7n, 8n] }]);
    await pool.query('DELETE FROM processing.handled_wakes WHERE highest <= 8');
    await close();
  });
});
