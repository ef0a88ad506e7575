/** One database for all cases of a `describe`: they differ in nothing but its rows. */
import type pg from 'pg';
import { pino } from 'pino';
import { migrate, type Migration } from '../migrate.js';
import { openPool } from '../pool.js';
import { freshDatabase } from './fresh-database.js';

/** Registers a hook: it is called in a `describe`. The database is made for whoever asks first. */
export function migratedPool(migrations: readonly Migration[]): () => Promise<pg.Pool> {
  const open = async () => {
    const database = await freshDatabase();
    const log = pino({ level: 'silent' });
    const pool = openPool(database.url, { max: 10, applicationName: 'spec', log });
    await migrate(pool, migrations);
    return { database, pool };
  };
  let opened: ReturnType<typeof open> | undefined;

  after(async () => {
    if (!opened) return;
    const { database, pool } = await opened;
    await pool.end();
    await database.drop();
  });

  return async () => (await (opened ??= open())).pool;
}
