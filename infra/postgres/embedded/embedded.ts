import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import { StartError, folderTrouble } from '../../start-error.js';
import { ensureCluster, superuser } from './cluster.js';
import type { ClusterLocation } from './cluster-location.js';
import { locateCluster, type LocateOptions } from './locate-cluster.js';
import { readPointer, writePointer } from './pointer.js';
import {
  endPostmaster,
  livePostmaster,
  startPostmaster,
  stopPostmaster,
  type Postmaster,
} from './postmaster.js';
import { until, worksIn } from './process.js';
import { writeSettings } from './settings.js';

/**
 * The PostgreSQL that ModelRoute brings along, on a data folder whose lock the caller holds
 * (data-dir-lock.ts).
 *
 *   no cluster ──initdb──► stopped ──start──► ready ──stop()──► stopped
 *   kill -9 of us          ready, orphaned ──next start──► ready, adopted
 *   kill -9 of it          gone ──watch──► crash recovery ──► ready, same url
 */
export interface EmbeddedPostgres {
  /** `postgres://user:password@127.0.0.1:port/modelroute`, the same until stop(). */
  readonly url: string;
  /** The same for the role that runs, which cannot change the log. */
  readonly runningUrl: string;
  /** The server was running already: one that a killed process of ours had left. */
  readonly adopted: boolean;
  /** Ends the server in order and waits for it. Connections still open are cut. */
  stop(): Promise<void>;
  /** Changes when the postmaster died and was started again. */
  readonly postmasterPid: number;
}

export interface EmbeddedPostgresOptions extends LocateOptions {
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

/** Ready to be connected to, or a StartError. */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  let folder = options.dataDir;
  try {
    const location = await locateCluster(options);
    folder = location.home;
    return await start(location, options.log);
  } catch (error) {
    throw folderTrouble(error, folder);
  }
}

/** The url of the embedded server that serves this data folder now, for the role that runs. */
export async function servedPostgresUrl(dataDir: string): Promise<string | undefined> {
  const url = await runningPostgresUrl(dataDir);
  if (url === undefined) return undefined;
  const served = new URL(url);
  served.username = runningRole;
  return served.href;
}

/** The same for the role that migrates and owns the log. */
export async function runningPostgresUrl(dataDir: string): Promise<string | undefined> {
  const pointer = await readPointer(dataDir);
  if (!pointer) return undefined;
  const cluster = resolve(await realpath(dataDir), pointer.cluster);
  const postmaster = await livePostmaster(cluster);
  return postmaster && urlOf(pointer.password, postmaster.port, database);
}

const database = 'modelroute';
const runningRole = 'modelroute_running';

async function start(
  location: ClusterLocation,
  log: EmbeddedPostgresOptions['log'],
): Promise<EmbeddedPostgres> {
  await ensureCluster(location);
  const left = await takeOver(location, log);
  const postmaster = left ?? (await startPostmaster(location, location.pointer.port, true));
  await ensureDatabase(location, postmaster.port);
  await ensureRunningRole(location, postmaster.port);
  if (!location.pointer.made || location.pointer.port !== postmaster.port) {
    await writePointer(location.dataDir, {
      ...location.pointer,
      made: true,
      port: postmaster.port,
    });
  }
  return keepAlive(location, postmaster, left !== undefined, log);
}

/**
 * The ready server that a killed process left, freed of that process's sessions; undefined when
 * there is none, or none worth keeping, and the way is free for a new one.
 */
async function takeOver(
  location: ClusterLocation,
  log: EmbeddedPostgresOptions['log'],
): Promise<Postmaster | undefined> {
  const { cluster } = location;
  const seen = await livePostmaster(cluster);
  if (!seen) return undefined;
  if (seen.status !== 'ready') {
    log.info({ pid: seen.pid }, `Waiting for a PostgreSQL of ours that is ${seen.status}`);
    const changing = async () => (await livePostmaster(cluster))?.status ?? 'ready';
    await until(async () => (await changing()) === 'ready', 300_000, 100);
  }
  const outcome = await until(() => question(location), 5_000, 100);
  if (outcome === 'gone') return undefined;
  if (outcome === false) {
    log.warn({ pid: seen.pid }, 'Ending a PostgreSQL of ours that does not answer');
    await endPostmaster(seen.pid, cluster);
    return undefined;
  }
  if (outcome.version !== location.version) {
    log.info({ was: outcome.version, now: location.version }, 'Restarting PostgreSQL, upgraded');
    await stopPostmaster(location);
    return undefined;
  }
  await writeSettings(location, outcome.postmaster.port);
  await takeSessionsAway(location, outcome.postmaster.port);
  log.info({ pid: seen.pid }, 'Took over the PostgreSQL that a killed process had left running');
  return outcome.postmaster;
}

/** Who answers; `gone` when nobody lives there any more; false when it may yet answer. */
async function question(
  location: ClusterLocation,
): Promise<{ postmaster: Postmaster; version: string } | 'gone' | false> {
  const postmaster = await livePostmaster(location.cluster);
  if (!postmaster) return 'gone';
  if (postmaster.status !== 'ready') return false;
  try {
    return await withClient(location, postmaster.port, 'postgres', async (client) => {
      const { rows } = await client.query<{ version: string }>(
        "select current_setting('server_version') as version",
      );
      return { postmaster, version: rows[0]?.version.split(' ')[0] ?? '' };
    });
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== '28P01') return false; // no answer, no free connection, shutting down, …
    throw new StartError(
      `The running database of ${location.dataDir} refuses the password in its postgres.json: ` +
        'restore that file from a backup.',
      { cause: error },
    );
  }
}

/** A session of the dead process may still be at work on its last statement. */
async function takeSessionsAway(location: ClusterLocation, port: number): Promise<void> {
  await withClient(location, port, 'postgres', async (client) => {
    await client.query('select pg_reload_conf()');
    await client.query(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid()`,
    );
  });
}

async function ensureDatabase(location: ClusterLocation, port: number): Promise<void> {
  try {
    await withClient(location, port, database, () => Promise.resolve());
  } catch (error) {
    const databaseIsMissing = '3D000';
    if ((error as { code?: string }).code !== databaseIsMissing) throw error;
    await withClient(location, port, 'postgres', (client) =>
      client.query(`create database ${database}`),
    );
  }
}

/** Folders of earlier releases have the superuser alone. The password is one for both. */
async function ensureRunningRole(location: ClusterLocation, port: number): Promise<void> {
  await withClient(location, port, database, async (client) => {
    const { rowCount } = await client.query('select from pg_roles where rolname = $1', [
      runningRole,
    ]);
    const change = rowCount === 0 ? 'create' : 'alter';
    const { password } = location.pointer;
    await client.query(
      `${change} role ${runningRole} login password ${client.escapeLiteral(password)}`,
    );
  });
}

/**
 * Watches the postmaster and starts it again, on the same port since the url is out in the world. A
 * backend that is killed needs nothing from us: the postmaster recovers by itself.
 */
function keepAlive(
  location: ClusterLocation,
  first: Postmaster,
  adopted: boolean,
  log: EmbeddedPostgresOptions['log'],
): EmbeddedPostgres {
  let { pid } = first;
  let stopped: Promise<void> | undefined;
  const ending = new AbortController();
  const watching = watch();

  async function watch(): Promise<void> {
    const cluster = await realpath(location.cluster);
    while (await pause(watchIntervalMs, ending.signal)) {
      if (await worksIn(pid, cluster)) continue;
      log.error({ pid }, 'PostgreSQL has died: starting it again');
      try {
        ({ pid } = await startPostmaster(location, first.port, false));
        log.info({ pid }, 'PostgreSQL is back');
      } catch (error) {
        log.error({ err: error }, 'PostgreSQL cannot be started again yet');
        await pause(1_000, ending.signal);
      }
    }
  }

  async function stop(): Promise<void> {
    ending.abort();
    await watching;
    await stopPostmaster(location);
  }

  return {
    url: urlOf(location.pointer.password, first.port, database),
    runningUrl: urlOf(location.pointer.password, first.port, database, runningRole),
    adopted,
    stop: () => (stopped ??= stop()),
    get postmasterPid() {
      return pid;
    },
  };
}

/** How long a dead database goes unnoticed, against five look-ups in /proc each time. */
const watchIntervalMs = 200;

/** True after the pause, false once `signal` is there. Keeps no process alive. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return delay(ms, true, { signal, ref: false }).catch(() => false);
}

async function withClient<T>(
  location: ClusterLocation,
  port: number,
  name: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: urlOf(location.pointer.password, port, name),
    connectionTimeoutMillis: 2_000,
    query_timeout: 10_000,
  });
  // A connection that breaks also rejects the call in hand, which is where it is dealt with.
  client.on('error', () => undefined);
  await client.connect();
  const result = await work(client);
  await client.end();
  return result;
}

function urlOf(password: string, port: number, name: string, role = superuser): string {
  return `postgres://${role}:${password}@127.0.0.1:${port}/${name}`;
}
