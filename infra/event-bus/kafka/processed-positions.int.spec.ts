/** What is left of the processed positions after a crash of the database. */
import { expect } from 'chai';
import { pino } from 'pino';
import type { StreamName } from '../../../contracts/streams.js';
import { freshDatabase, type FreshDatabase } from '../../postgres/testing/fresh-database.js';
import { migrate } from '../../postgres/migrate.js';
import { openPool } from '../../postgres/pool.js';
import { processingMigrations } from '../../migrations/all.js';
import type { EventNotification } from '../port.js';
import { openProcessedRecorder, openPostgresProcessedPositions } from './processed-positions.js';
import { openDeduplicator } from './deduplicator.js';

const log = pino({ level: 'silent' });

describe('processed positions in postgres', () => {
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
    const processed = openPostgresProcessedPositions({ pool });
    await processed.add('a', [7n]);
    const { rows } = await pool.query(
      `SELECT relpersistence FROM pg_class
       WHERE relkind = 'S' AND relnamespace = 'processing'::regnamespace`,
    );
    expect(rows).to.deep.equal([{ relpersistence: 'p' }]);
    const [row] = await processed.read('a', -1n, []);
    expect(row?.positions).to.deep.equal([7n]);
  });

  it('are delivered again when the record of them was lost, and are recorded then', async () => {
    const processed = openPostgresProcessedPositions({ pool });
    const recorder = openProcessedRecorder(processed, 'b');
    const delivered: EventNotification[] = [];
    const deduplicator = openDeduplicator({
      dispatcher: () => ({ dispatch: (event) => void delivered.push(event) }),
      recorder,
      after: -1n,
    });
    const stream = 'execution-a' as StreamName;
    const notification = { stream, revision: 0, type: 'ExecutionRequested', position: 7n } as const;
    const finish = async () => {
      deduplicator.processed(7n);
      await recorder.flush();
    };
    deduplicator.deliver(notification, () => undefined);
    await finish();
    await pool.query('TRUNCATE processing.processed_positions');
    expect(deduplicator.redeliver(notification)).to.equal(true);
    await finish();
    const rows = await processed.read('b', -1n, []);
    expect(rows.map(({ positions }) => positions)).to.deep.equal([[7n]]);
    deduplicator.advanceTo(7n);
    expect(deduplicator.redeliver(notification)).to.equal(false);
    expect(delivered).to.deep.equal([notification, notification]);
  });
});
