/** What is left of the handled wakes after a crash of the database. */
import { expect } from 'chai';
import { pino } from 'pino';
import type { StreamName } from '../../../contracts/streams.js';
import { freshDatabase, type FreshDatabase } from '../../postgres/testing/fresh-database.js';
import { migrate } from '../../postgres/migrate.js';
import { openPool } from '../../postgres/pool.js';
import { processingMigrations } from '../../migrations/all.js';
import type { RungWake } from '../unfinished.js';
import { openHandledRecorder, openPostgresHandled } from './handled.js';
import { openIntake } from './intake.js';

const log = pino({ level: 'silent' });

describe('handled wakes in postgres', () => {
  let database: FreshDatabase;
  let pool: ReturnType<typeof openPool>;
  before(async () => {
    database = await freshDatabase();
    pool = openPool(database.url, { max: 2, applicationName: 'spec', log });
    await migrate(pool, processingMigrations);
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });

  it('are numbered by a sequence that does not begin again after a crash', async () => {
    const handled = openPostgresHandled({ pool });
    await handled.add('a', [7n]);
    const { rows } = await pool.query(
      `SELECT relpersistence FROM pg_class
       WHERE relkind = 'S' AND relnamespace = 'processing'::regnamespace`,
    );
    expect(rows).to.deep.equal([{ relpersistence: 'p' }]);
    const [row] = await handled.read('a', -1n, []);
    expect(row?.positions).to.deep.equal([7n]);
  });

  it('ring again when the record of them was lost, and are recorded then', async () => {
    const handled = openPostgresHandled({ pool });
    const recorder = openHandledRecorder(handled, 'b');
    const rung: RungWake[] = [];
    const intake = openIntake(() => ({ admit: (wake) => void rung.push(wake) }), recorder, -1n);
    const stream = 'execution-a' as StreamName;
    const wake = { stream, revision: 0, type: 'ExecutionRequested', position: 7n } as const;
    const finish = async () => {
      intake.finished(7n);
      await recorder.flush();
    };
    intake.admit(wake, () => undefined);
    await finish();
    await pool.query('TRUNCATE processing.handled_wakes');
    expect(intake.ring(wake)).to.equal(true);
    await finish();
    const rows = await handled.read('b', -1n, []);
    expect(rows.map(({ positions }) => positions)).to.deep.equal([[7n]]);
    intake.settle(7n);
    expect(intake.ring(wake)).to.equal(false);
    expect(rung).to.deep.equal([wake, wake]);
  });
});
