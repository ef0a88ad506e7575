import { spawn } from 'node:child_process';
import { constants, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StartError } from '../../start-error.js';
import type { ClusterLocation } from './cluster-location.js';
import {
  allWorkingIn,
  childEnvironment,
  identify,
  run,
  signal,
  until,
  worksIn,
} from './process.js';
import { settingsName, writeSettings } from './settings.js';

/** A live postmaster of our cluster, as postmaster.pid describes it. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly status: 'starting' | 'ready' | 'stopping' | 'unknown';
}

/**
 * Starts the server and waits until it takes connections, crash recovery included.
 *
 * The postmaster gets a session of its own, so that Ctrl-C in the terminal reaches us alone and the
 * database lives until we have drained. It outlives us after a kill -9; the next start takes it
 * over. `port` is only a wish when `portMayChange`.
 */
export async function startPostmaster(
  location: ClusterLocation,
  port: number,
  portMayChange: boolean,
): Promise<Postmaster> {
  await clearTheWay(location.cluster);
  for (let tries = 1; ; tries += 1) {
    const chosen = portMayChange && !(await portIsFree(port)) ? await freePort() : port;
    await writeSettings(location, chosen);
    const ended = await launch(location);
    if (typeof ended !== 'string') return ended;
    const portTaken = /could not bind|could not create any TCP\/IP sockets/.test(ended);
    const memoryInUse = /pre-existing shared memory block/.test(ended);
    if (tries === 10 || !(memoryInUse || (portTaken && portMayChange))) {
      throw await failure(location, ended, portTaken);
    }
    if (memoryInUse) await delay(500);
  }
}

/** The postmaster that postmaster.pid names, when it lives and is of this cluster. */
export async function livePostmaster(cluster: string): Promise<Postmaster | undefined> {
  const lines = await pidFile(cluster);
  const pid = Number(lines?.[0]);
  if (!lines || !Number.isInteger(pid) || pid <= 1) return undefined;
  if (!(await worksIn(pid, await realpath(cluster)))) return undefined;
  const status = lines[7]?.trim();
  const known = status === 'starting' || status === 'ready' || status === 'stopping';
  return { pid, port: Number(lines[3]), status: known ? status : 'unknown' };
}

/** Ends the server in order: fast, which rolls open transactions back and writes a checkpoint. */
export async function stopPostmaster(location: ClusterLocation): Promise<void> {
  const { binaries, cluster, runAs, home } = location;
  const stop = (mode: string, seconds: number) =>
    run(binaries.pgCtl, ['stop', '-D', cluster, '-m', mode, '-w', '-t', String(seconds)], {
      runAs,
      cwd: home,
    });
  const before = await livePostmaster(cluster);
  if (!before) return;
  // Who was frozen hears nothing else before.
  for (const pid of await allWorkingIn(await realpath(cluster))) signal(pid, 'SIGCONT');
  await stop('fast', 30);
  if (await livePostmaster(cluster)) await endPostmaster(before.pid, cluster);
  await until(async () => (await identify(before.pid)) === undefined, 5_000);
}

/** Ends a server that did not stop in order. The log is safe: the next start recovers. */
export async function endPostmaster(pid: number, cluster: string): Promise<void> {
  const gone = async () => !(await worksIn(pid, await realpath(cluster)));
  signal(pid, 'SIGQUIT');
  signal(pid, 'SIGCONT'); // one that was stopped hears nothing else before
  if (!(await until(gone, 5_000))) {
    signal(pid, 'SIGKILL');
    await until(gone, 5_000);
  }
  await waitForOrphans(cluster);
}

/**
 * Before a start: whatever is left of a postmaster that was killed. Its children end by themselves
 * when they notice; a long query may not, and is ended. postmaster.pid is removed here because
 * PostgreSQL believes in it as long as any process has that pid, be it a stranger's or a zombie's.
 */
async function clearTheWay(cluster: string): Promise<void> {
  if (!(await pidFile(cluster))) return;
  await waitForOrphans(cluster);
  await rm(join(cluster, pidFileName), { force: true });
}

async function waitForOrphans(cluster: string): Promise<void> {
  const real = await realpath(cluster);
  const gone = async () => (await allWorkingIn(real)).length === 0;
  if (await until(gone, 3_000, 50)) return;
  for (const pid of await allWorkingIn(real)) signal(pid, 'SIGKILL');
  await until(gone, 5_000, 50);
}

/** One try: the ready postmaster, or what the log said by the time it had ended. */
async function launch(location: ClusterLocation): Promise<Postmaster | string> {
  const { binaries, cluster, home, runAs } = location;
  const log = await openLog(location);
  const from = (await log.stat()).size;
  const args = ['-D', cluster, '-c', `config_file=${join(home, settingsName)}`];
  const child = spawn(binaries.postgres, args, {
    ...runAs,
    cwd: home,
    env: childEnvironment,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  let ended = false;
  let trouble = '';
  child.once('exit', () => (ended = true));
  child.once('error', (error) => {
    ended = true;
    trouble = error.message;
  });
  child.unref();
  await log.close();
  const ready = await until(
    async () => {
      if (ended) return 'ended';
      const postmaster = await livePostmaster(cluster);
      return postmaster?.pid === child.pid && postmaster?.status === 'ready' ? postmaster : false;
    },
    startDeadlineMs,
    5,
  );
  if (ready === false) {
    throw new StartError(
      `PostgreSQL has been recovering for ${startDeadlineMs / 60_000} minutes: let it finish (its` +
        ` log is ${logOf(location)}) and start again, which takes it over.`,
    );
  }
  if (ready !== 'ended') return ready;
  return trouble || (await readFile(logOf(location), 'utf8')).slice(from);
}

/**
 * Recovery replays at most some 1 GB of log (max_wal_size): seconds here, minutes on a poor disk.
 */
const startDeadlineMs = 300_000;

/** Never through a link: root opens this file in a folder where others may have been at work. */
async function openLog(location: ClusterLocation) {
  const path = logOf(location);
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > 16 * 1024 * 1024) await rename(path, `${path}.old`);
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
  return open(path, O_WRONLY | O_APPEND | O_CREAT | (O_NOFOLLOW ?? 0), 0o600);
}

function logOf(location: ClusterLocation): string {
  return join(location.home, 'postgres.log');
}

async function failure(
  location: ClusterLocation,
  said: string,
  portTaken: boolean,
): Promise<StartError> {
  if (/No space left on device|Disk quota exceeded/.test(said)) {
    return new StartError(
      `The disk that holds ${location.cluster} is full: free some space there, then start again.`,
    );
  }
  if (portTaken) {
    return new StartError('PostgreSQL found no free port on 127.0.0.1: end what holds them all.');
  }
  const lines = said.trim().split('\n');
  const cause = lines.find((line) => /FATAL|PANIC/.test(line)) ?? lines.at(-1) ?? '';
  const reason = cause.replace(/^.*?(FATAL|PANIC):\s*/, '') || 'it gave no reason';
  return new StartError(`PostgreSQL did not start: ${reason}; its log is ${logOf(location)}.`);
}

async function portIsFree(port: number): Promise<boolean> {
  return port > 0 && (await listenOnce(port)) === port;
}

async function freePort(): Promise<number> {
  const port = await listenOnce(0);
  if (port) return port;
  throw new StartError('PostgreSQL found no free port on 127.0.0.1: end what holds them all.');
}

async function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' ? address?.port : undefined;
      server.close(() => resolve(bound));
    });
  });
}

async function pidFile(cluster: string): Promise<string[] | undefined> {
  try {
    return (await readFile(join(cluster, pidFileName), 'utf8')).split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const pidFileName = 'postmaster.pid';
