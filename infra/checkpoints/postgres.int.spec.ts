import { expect } from 'chai';
import { pino } from 'pino';
import { freshDatabase } from '../postgres/testing/fresh-database.js';
import { migrate } from '../postgres/migrate.js';
import { openPool } from '../postgres/pool.js';
import { checkpointsContract } from './testing/contract.js';
import { openPostgresCheckpoints } from './postgres.js';
import { processingMigrations } from '../migrations/all.js';

const log = pino({ level: 'silent' });

/** One database for all cases: they differ in nothing but its rows. */
async function openDatabase() {
  const database = await freshDatabase();
  const pool = openPool(database.url, { max: 10, applicationName: 'spec', log });
  await migrate(pool, processingMigrations);
  return { database, pool };
}

let opened: ReturnType<typeof openDatabase> | undefined;

async function open() {
  const { pool } = await (opened ??= openDatabase());
  const close = async () =>
    void (await pool.query('TRUNCATE processing.checkpoints, processing.parked_wakes'));
  return { pool, checkpoints: openPostgresCheckpoints({ pool }), close };
}

describe('checkpoints in postgres', () => {
  after(async () => {
    if (!opened) return;
    const { database, pool } = await opened;
    await pool.end();
    await database.drop();
  });

  checkpointsContract('postgres', open);

  it('saves without waiting for the disk, and leaves the connection as it was', async () => {
    const { pool, checkpoints, close } = await open();
    await checkpoints.save('a', 1n);
    const { rows } = await pool.query('SHOW synchronous_commit');
    expect(rows).to.deep.equal([{ synchronous_commit: 'on' }]);
    await close();
  });
});
