import {
  chown,
  lstat,
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { basename, join } from 'node:path';
import { StartError } from '../../start-error.js';
import type { ClusterLocation } from './cluster-location.js';
import { run } from './process.js';

/** The role that migrates and owns the log; the password is the pointer's. */
export const superuser = 'modelroute';

/**
 * Makes the cluster unless it is there. initdb works in a folder beside it, which becomes the
 * cluster by rename: one that exists is complete, whenever we were killed.
 */
export async function ensureCluster(location: ClusterLocation): Promise<void> {
  await removeDrafts(location);
  if (await isThere(location.cluster)) return refuseOtherVersion(location);
  const draft = `${location.cluster}.new-${randomBytes(4).toString('hex')}`;
  const passwordFile = `${draft}.password`;
  try {
    await mkdir(draft, { mode: 0o700 });
    await writeFile(passwordFile, `${location.pointer.password}\n`, { mode: 0o600, flag: 'wx' });
    if (location.runAs.uid !== undefined) {
      for (const path of [draft, passwordFile]) {
        await chown(path, location.runAs.uid, location.runAs.gid);
      }
    }
    const { code, output } = await run(
      location.binaries.initdb,
      ['-D', draft, `--pwfile=${passwordFile}`, `--username=${superuser}`, ...initdbFlags],
      { runAs: location.runAs, cwd: location.home },
    );
    if (code !== 0) throw initFailure(location, output.trim() || String(code));
    await rename(draft, location.cluster);
    await syncFolder(location.home);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(draft, { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * The built-in C.UTF-8 sorts by code point on every system, also one without that locale installed,
 * and its order never changes under an index when the system's C library is upgraded.
 */
const initdbFlags = [
  '--encoding=UTF8',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--locale=C',
  '--lc-messages=C',
  '--auth=scram-sha-256',
];

/** What a killed start left; an initdb that outlived it loses its folder and gives up. */
async function removeDrafts({ cluster, home }: ClusterLocation): Promise<void> {
  for (const name of await readdir(home)) {
    if (!name.startsWith(`${basename(cluster)}.new-`)) continue;
    await rm(join(home, name), { recursive: true, force: true, maxRetries: 10 });
  }
}

async function refuseOtherVersion({ cluster, version }: ClusterLocation): Promise<void> {
  const theirs = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim();
  const ours = version.split('.')[0] ?? '';
  if (theirs === ours) return;
  throw new StartError(
    Number(theirs) > Number(ours)
      ? `The database in ${cluster} was made by PostgreSQL ${theirs} and this ModelRoute brings ` +
          `${ours}: start the newer ModelRoute that made it.`
      : `The database in ${cluster} was made by PostgreSQL ${theirs} and this ModelRoute brings ` +
          `${ours}: export it with the ModelRoute that made it and import it into a new folder.`,
  );
}

function initFailure(location: ClusterLocation, output: string): StartError {
  if (/No space left on device|Disk quota exceeded/.test(output)) {
    return new StartError(
      `The disk that holds ${location.home} is full: free some space there, then start again.`,
    );
  }
  const cause = output.split('\n').find((line) => /error|FATAL|could not/i.test(line));
  return new StartError(
    `The database could not be made in ${location.home} (${cause?.trim() ?? output}): cure that, ` +
      'or set MODELROUTE_DATA_DIR to another folder.',
  );
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Makes the rename itself survive a power cut. Windows cannot, and does not need to. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
