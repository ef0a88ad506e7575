/** Which log a database belongs to, while several processes start on it. */
import { expect } from 'chai';
import { pino } from 'pino';
import { freshDatabase, type FreshDatabase } from '../../infra/postgres/testing/fresh-database.js';
import { deposit, newOrganization } from '../testing/kit.js';
import { openAccounts } from './accounts.js';
import { allMigrations } from '../../infra/migrations/all.js';
import { migrate } from '../../infra/postgres/migrate.js';
import { openPool } from '../../infra/postgres/pool.js';
import { expectOwnLog, type OpenedLog } from '../../infra/event-store/identity.js';
import {
  openPostgresEventStore,
  type PostgresEventStore,
} from '../../infra/event-store/postgres/postgres.js';

describe('the log that a database belongs to', () => {
  const log = pino({ level: 'silent' });
  let database: FreshDatabase;
  let pool: ReturnType<typeof openPool>;
  let store: PostgresEventStore;
  before(async () => {
    database = await freshDatabase();
    pool = openPool(database.url, { max: 4, applicationName: 'spec', log });
    await migrate(pool, allMigrations);
    store = openPostgresEventStore({ url: database.url, log });
  });
  after(async () => {
    await store.close();
    await pool.end();
    await database.drop();
  });

  const opened = (): OpenedLog => ({ kind: 'postgres', store, rawLog: store.rawLog });
  const start = (of: OpenedLog) => expectOwnLog(pool, of, { remember: true });
  const accounts = () => openAccounts({ store, onError: () => undefined });

  /** Just after it was asked how far it has come, somebody writes to it, and somebody starts. */
  function busy(): OpenedLog {
    const isFirst = new Set([true]);
    const head = async () => {
      const answer = await store.head();
      if (!isFirst.delete(true)) return answer;
      const org = newOrganization();
      await accounts().submit(org, deposit(org, 1n));
      await start(opened());
      return answer;
    };
    return { ...opened(), store: { ...store, head } };
  }

  it('is this one for all who start at once, on an empty database and on a busy one', async () => {
    await start(busy());
    await start(busy());
    const { rows } = await pool.query(
      'SELECT head, first IS NULL AS empty FROM processing.log_identity',
    );
    expect(rows).to.deep.equal([{ head: await store.head(), empty: false }]);
  });
});
