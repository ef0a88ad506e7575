import { expect } from 'chai';
import type pg from 'pg';
import pino from 'pino';
import { freshDatabase, type FreshDatabase } from './testing/fresh-database.js';
import { StartError } from '../start-error.js';
import { migrate, refuseOlder, type Migration } from './migrate.js';
import { openPool, withTransaction } from './pool.js';

const log = pino({ level: 'silent' });
const accounts: Migration = {
  id: 1,
  name: 'accounts',
  sql: `create table accounts (id text primary key, held_micros int8 not null);
        insert into accounts values ('a', 9007199254740993);`,
};
const holds: Migration = { id: 2, name: 'holds', sql: 'create table holds (id text)' };

describe('migrations and the pool', () => {
  let database: FreshDatabase;
  let pool: pg.Pool;

  beforeEach(async () => {
    database = await freshDatabase();
    pool = openPool(database.url, { max: 4, applicationName: 'spec', log });
  });

  afterEach(async () => {
    await pool.end();
    await database.drop();
  });

  it('runs what is missing, in order, and then nothing', async () => {
    expect(await migrate(pool, [accounts])).to.deep.equal(['accounts']);
    expect(await migrate(pool, [accounts, holds])).to.deep.equal(['holds']);
    expect(await migrate(pool, [accounts, holds])).to.deep.equal([]);
    expect((await pool.query('select id, name from schema_migrations')).rows).to.deep.equal([
      { id: 1, name: 'accounts' },
      { id: 2, name: 'holds' },
    ]);
  });

  it('runs each once when several processes start together', async () => {
    const ran = await Promise.all([1, 2, 3, 4].map(() => migrate(pool, [accounts, holds])));
    expect(ran.flat()).to.deep.equal(['accounts', 'holds']);
  });

  it('changes nothing when one of them fails', async () => {
    const broken: Migration = { id: 2, name: 'broken', sql: 'create table b (); select 1 / 0' };
    const outcome = await migrate(pool, [accounts, broken]).catch((error: Error) => error.message);
    expect(outcome).to.equal('division by zero');
    expect((await pool.query("select to_regclass('accounts') as found")).rows).to.deep.equal([
      { found: null },
    ]);
  });

  it('refuses a database that is newer than the code', async () => {
    await migrate(pool, [accounts, holds]);
    const outcome = await migrate(pool, [accounts]).catch((error: unknown) => error);
    expect(outcome).to.be.instanceOf(StartError);
    expect((outcome as StartError).message).to.equal(
      'The database has taken schema step 2 "holds", which this version of ModelRoute does not ' +
        'know: start the newer version that made it, or use another data folder.',
    );
  });

  it('refuses a server that is older than what is supported', () => {
    refuseOlder(140_000, '14.0');
    refuseOlder(190_001, '19.1');
    expect(() => refuseOlder(130_023, '13.23')).to.throw(
      StartError,
      'The database server is PostgreSQL 13.23, and ModelRoute needs 14 or newer: upgrade it, or ' +
        'leave DATABASE_URL out to use the one that ModelRoute brings.',
    );
  });

  it('reads every int8 as a bigint, also in arrays', async () => {
    await migrate(pool, [accounts]);
    const { rows } = await pool.query(
      `select held_micros, count(*) over () as n, array[1::int8, null] as list, 1.50::numeric as d
         from accounts`,
    );
    expect(rows).to.deep.equal([
      { held_micros: 9_007_199_254_740_993n, n: 1n, list: [1n, null], d: '1.50' },
    ]);
  });

  it('commits what returns, rolls back what throws or swallows an error', async () => {
    await migrate(pool, [holds]);
    const insert = (id: string) => `insert into holds values ('${id}')`;
    await withTransaction(pool, (tx) => tx.query(insert('kept')));
    const thrown = await withTransaction(pool, async (tx) => {
      await tx.query(insert('thrown'));
      throw new Error('no');
    }).catch((error: Error) => error.message);
    const swallowed = await withTransaction(pool, async (tx) => {
      await tx.query(insert('swallowed'));
      await tx.query('select 1 / 0').catch(() => undefined);
    }).catch((error: Error) => error.message);
    expect([thrown, swallowed]).to.deep.equal([
      'no',
      'The transaction was aborted by an earlier error.',
    ]);
    expect((await pool.query('select id from holds')).rows).to.deep.equal([{ id: 'kept' }]);
    expect({ total: pool.totalCount, idle: pool.idleCount }).to.deep.equal({ total: 1, idle: 1 });
  });

  it('survives the loss of connections, idle and in use', async () => {
    const lost = await withTransaction(pool, async (tx) => {
      await pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'spec' and pid <> pg_backend_pid()`,
      );
      await tx.query('select 1');
    }).catch((error: unknown) => error);
    expect(lost).to.be.instanceOf(Error);
    expect((await pool.query('select 1 as one')).rows).to.deep.equal([{ one: 1 }]);
  });

  it('bounds a statement by its timeout', async () => {
    const hasty = openPool(database.url, {
      max: 1,
      applicationName: 'hasty',
      log,
      timeoutMs: 2_000,
    });
    const outcome = await hasty.query('select pg_sleep(5)').catch((error: Error) => error.message);
    expect(outcome).to.equal('canceling statement due to statement timeout');
    await hasty.end();
  });
});
