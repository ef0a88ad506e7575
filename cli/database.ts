/**
 * The database of an installation, for commands that look into it: the server that DATABASE_URL
 * names, the embedded one of a system that runs, or, when none runs, the embedded one started for
 * the time of the command. An installation that was never started is left alone.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { pino } from 'pino';
import type { Config } from '../infra/config/config.js';
import {
  openPostgresEventStore,
  type PostgresEventStore,
} from '../infra/event-store/postgres/postgres.js';
import type { Log } from '../infra/logger.js';
import { lockDataDir, type DataDirLock } from '../infra/postgres/data-dir-lock.js';
import { runningPostgresUrl, startEmbeddedPostgres } from '../infra/postgres/embedded.js';
import { pointerName } from '../infra/postgres/pointer.js';
import { openPool } from '../infra/postgres/pool.js';
import { StartError } from '../infra/start-error.js';

export interface Database {
  readonly store: PostgresEventStore;
  readonly readStore: Pool;
  readonly log: Log;
  /** False: it was started for this command, so nobody works on what is open in it. */
  readonly isServed: boolean;
}

/** Two rebuilds at a time, each with a connection that writes and one that looks. */
const CONNECTIONS_MAX = 6;

/** Throws `StartError` where there is no database, or none of ours in it. */
export async function withDatabase<T>(
  config: Config,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  // Commands speak for themselves; what happens below is told to those who ask for it.
  const log = pino(
    { level: config.logLevel === 'debug' ? 'debug' : 'silent' },
    pino.destination(2),
  );
  if (config.databaseUrl) return withStores(config.databaseUrl, true, log, work);
  const lock = await lockIfFree(config);
  if (!lock) return withStores(await servedUrl(config), true, log, work);
  try {
    const { dataDir, postgresDir: pgDir } = config;
    const postgres = await startEmbeddedPostgres({ dataDir, pgDir, log });
    try {
      return await withStores(postgres.url, false, log, work);
    } finally {
      await postgres.stop();
    }
  } finally {
    await lock.release();
  }
}

/** Undefined: a system runs on the data folder. */
async function lockIfFree({ dataDir }: Config): Promise<DataDirLock | undefined> {
  if (!existsSync(join(dataDir, pointerName)))
    throw new StartError(
      `There is no ModelRoute in ${dataDir}: run 'modelroute serve' first, or name its folder ` +
        'with MODELROUTE_DATA_DIR.',
    );
  try {
    return await lockDataDir(dataDir);
  } catch (error) {
    if (error instanceof StartError) return undefined;
    throw error;
  }
}

async function servedUrl({ dataDir }: Config): Promise<string> {
  const url = await runningPostgresUrl(dataDir);
  if (url) return url;
  throw new StartError(
    `The system on ${dataDir} holds its folder, but its database does not run: it is starting or ` +
      'stopping, so try again in a moment.',
  );
}

async function withStores<T>(
  url: string,
  isServed: boolean,
  log: Log,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const readStore = openPool(url, {
    ...{ max: CONNECTIONS_MAX, applicationName: 'modelroute command', log, statementTimeoutMs: 0 },
  });
  const store = openPostgresEventStore({ url, log });
  try {
    await expectOurs(readStore, url);
    return await work({ store, readStore, log, isServed });
  } finally {
    await store.close();
    await readStore.end();
  }
}

async function expectOurs(pool: Pool, url: string): Promise<void> {
  const { host, pathname } = new URL(url);
  let rows: { ours: boolean }[];
  try {
    ({ rows } = await pool.query<{ ours: boolean }>(
      `SELECT to_regclass('eventstore.events') IS NOT NULL
         AND to_regclass('readmodel.projections') IS NOT NULL AS ours`,
    ));
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    throw new StartError(`The database ${host}${pathname} cannot be used: ${message || code}.`);
  }
  if (!rows[0]?.ours)
    throw new StartError(
      `The database ${host}${pathname} holds no ModelRoute: run 'modelroute serve' on it first.`,
    );
}
