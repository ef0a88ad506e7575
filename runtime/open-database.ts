/**
 * The stores of an installation, for commands that look into it: the database that DATABASE_URL
 * names, the embedded one of a system that runs, or, when none runs, the embedded one started for
 * the time of the command; and the event store that goes with it. An installation that was never
 * started is left alone.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { pino } from 'pino';
import type { Config } from '../infra/config/config.js';
import { openCachedDataKeys } from '../infra/data-keys/cached.js';
import type { CachedDataKeys } from '../infra/data-keys/port.js';
import { openPostgresDataKeys } from '../infra/data-keys/postgres.js';
import { expectOwnLog, kindOf, type StoreKind } from '../infra/event-store/identity.js';
import type { Log } from '../infra/logger.js';
import { allMigrations } from '../infra/migrations/all.js';
import { databaseTrouble } from './database-trouble.js';
import { openStores, type Stores } from './open-stores.js';
import { lockDataDir, type DataDirLock } from '../infra/postgres/embedded/data-dir-lock.js';
import {
  runningPostgresUrl,
  servedPostgresUrl,
  startEmbeddedPostgres,
} from '../infra/postgres/embedded/embedded.js';
import { pointerName } from '../infra/postgres/embedded/pointer.js';
import { openPool } from '../infra/postgres/pool.js';
import { migrateFor, roleOf } from '../infra/postgres/roles.js';
import { masterKeyOf } from './master-key.js';
import { openSecrets } from '../infra/secrets.js';
import { openProgress, type ProjectionProgress } from '../infra/read-store/progress.js';
import { StartError } from '../infra/start-error.js';

export interface Database extends Pick<Stores, 'store' | 'rawLog' | 'smallPayloads' | 'figures'> {
  readonly kind: StoreKind;
  readonly readStore: Pool;
  readonly progress: ProjectionProgress;
  readonly dataKeys: CachedDataKeys;
  readonly log: Log;
  /** False: it was started for this command, so nobody works on what is open in it. */
  readonly isServed: boolean;
}

/** Two rebuilds at a time, each with a connection that writes and one that looks. */
const CONNECTIONS_MAX = 6;

interface DatabaseOptions {
  /** For whoever is going to make it ours: the stores may be new, or not belong together yet. */
  readonly isImport?: boolean;
  /** As the role that migrates and owns the log, where there is one. */
  readonly asOwner?: boolean;
  /** The one of the installation; as configured or kept, where absent. */
  readonly masterKey?: () => Promise<string>;
}

/** Throws `StartError` where there is no database, none of ours in it, or another log's. */
export async function withDatabase<T>(
  config: Config,
  work: (database: Database) => Promise<T>,
  {
    isImport = false,
    asOwner = isImport,
    masterKey = () => masterKeyOf(config),
  }: DatabaseOptions = {},
): Promise<T> {
  const opening: Opening<T> = { config, isImport, asOwner, work, log: logOf(config), masterKey };
  const { databaseUrl, migrationsDatabaseUrl } = config;
  const externalUrl = asOwner ? (migrationsDatabaseUrl ?? databaseUrl) : databaseUrl;
  if (externalUrl) return withStores(opening, externalUrl, true);
  const lock = await lockIfFree(config, isImport);
  if (!lock) return withStores(opening, await servedUrl(opening), true);
  try {
    const { dataDir, postgresDir: pgDir } = config;
    const postgres = await startEmbeddedPostgres({ dataDir, pgDir, log: opening.log });
    try {
      return await withStores(opening, postgres.url, false);
    } finally {
      await postgres.stop();
    }
  } finally {
    await lock.release();
  }
}

interface Opening<T> {
  readonly config: Config;
  readonly isImport: boolean;
  readonly asOwner: boolean;
  readonly work: (database: Database) => Promise<T>;
  readonly log: Log;
  readonly masterKey: () => Promise<string>;
}

/** Commands speak for themselves; what happens below is told to those who ask for it. */
const logOf = ({ logLevel }: Config): Log =>
  pino({ level: logLevel === 'debug' ? 'debug' : 'silent' }, pino.destination(2));

/** Undefined: a system runs on the data folder. */
async function lockIfFree(
  { dataDir }: Config,
  isImport: boolean,
): Promise<DataDirLock | undefined> {
  if (!isImport && !existsSync(join(dataDir, pointerName)))
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

async function servedUrl({
  config: { dataDir },
  asOwner,
}: Pick<Opening<unknown>, 'config' | 'asOwner'>): Promise<string> {
  const url = await (asOwner ? runningPostgresUrl : servedPostgresUrl)(dataDir);
  if (url) return url;
  throw new StartError(
    `The system on ${dataDir} holds its folder, but its database does not run: it is starting or ` +
      'stopping, so try again in a moment.',
  );
}

async function withStores<T>(
  { config, isImport, work, log, masterKey }: Opening<T>,
  url: string,
  isServed: boolean,
): Promise<T> {
  const readStore = openPool(url, {
    max: CONNECTIONS_MAX,
    applicationName: 'modelroute command',
    log,
    timeoutMs: 0,
  });
  const wrappingKey = async () => openSecrets(await masterKey()).dataKeysKey;
  const storedKeys = openPostgresDataKeys({ pool: readStore, wrappingKey });
  const dataKeys = openCachedDataKeys({ keys: storedKeys });
  let stores: Stores | undefined;
  try {
    const [schema, kind] = [await schemaOf(readStore, url), kindOf(config)];
    if (isImport) await migrateFor(readStore, runningRoleIn(config), allMigrations);
    else expectOurs(schema, url, kind);
    stores = await openStores({ config, databaseUrl: url, log, dataKeys });
    const { store, rawLog, smallPayloads } = stores;
    const figures = stores.figures.bind(stores);
    const opened = { kind, store, rawLog };
    if (!isImport && schema.current) await expectOwnLog(readStore, opened, { remember: false });
    const progress = openProgress(readStore);
    return await work({
      ...opened,
      smallPayloads,
      dataKeys,
      figures,
      readStore,
      progress,
      log,
      isServed,
    });
  } finally {
    await stores?.close();
    dataKeys.close();
    await readStore.end();
  }
}

const runningRoleIn = ({ databaseUrl, migrationsDatabaseUrl }: Config): string | undefined =>
  databaseUrl && migrationsDatabaseUrl ? roleOf(databaseUrl) : undefined;

interface Schema {
  readonly ours: boolean;
  /** Also the newest of what this release makes. */
  readonly current: boolean;
}

async function schemaOf(pool: Pool, url: string): Promise<Schema> {
  try {
    const { rows } = await pool.query<Schema>(
      `SELECT to_regclass('eventstore.events') IS NOT NULL
         AND to_regclass('readmodel.projections') IS NOT NULL AS ours,
         EXISTS (
           SELECT FROM pg_attribute
           WHERE attrelid = to_regclass('processing.log_identity') AND attname = 'epoch'
         ) AS current`,
    );
    return rows[0] ?? { ours: false, current: false };
  } catch (error) {
    throw databaseTrouble(url, error as Error);
  }
}

function expectOurs({ ours, current }: Schema, url: string, kind: StoreKind): void {
  const { host, pathname } = new URL(url);
  if (!ours || (!current && kind !== 'postgres'))
    throw new StartError(
      `The database ${host}${pathname} holds no ModelRoute: run 'modelroute serve' on it first.`,
    );
}
