import { createHash } from 'node:crypto';
import { chmod, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { makeFolder } from '../../make-folder.js';
import { StartError } from '../../start-error.js';
import { claimHome, homeOwner, sweepAbandoned } from './abandoned-clusters.js';
import { copyBinaries, findBinaries, type Binaries } from './binaries.js';
import type { ClusterLocation } from './cluster-location.js';
import { newPassword, pointerName, readPointer, writePointer, type Pointer } from './pointer.js';
import { run, type RunAs } from './process.js';
import { systemUser } from './system-user.js';

export interface LocateOptions {
  readonly dataDir: string;
  /**
   * For root: the base instead of /var/lib/modelroute; the server's user must be able to enter it.
   */
  readonly pgDir?: string | undefined;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

export async function locateCluster(options: LocateOptions): Promise<ClusterLocation> {
  await makeFolder(options.dataDir, 0o700);
  const dataDir = await realpath(options.dataDir);
  const packaged = await findBinaries();
  const isRoot = process.getuid?.() === 0;
  return isRoot ? locationForRoot(dataDir, packaged, options) : locationInside(dataDir, packaged);
}

async function locationInside(dataDir: string, binaries: Binaries): Promise<ClusterLocation> {
  const pointer = (await readPointer(dataDir)) ?? (await firstPointer(dataDir, 'postgres'));
  const cluster = resolve(dataDir, pointer.cluster);
  const owner = await ownerOf(cluster);
  if (isAbsolute(pointer.cluster) || (owner && owner.uid !== process.getuid?.())) {
    throw new StartError(
      `The database of ${dataDir} was made by another user: start as that user, or set ` +
        'MODELROUTE_DATA_DIR to another folder.',
    );
  }
  const version = await versionOf(binaries, {});
  return { dataDir, home: dataDir, cluster, binaries, version, runAs: {}, pointer };
}

async function locationForRoot(
  dataDir: string,
  packaged: Binaries,
  { pgDir, log }: LocateOptions,
): Promise<ClusterLocation> {
  const base = resolve(pgDir ?? '/var/lib/modelroute');
  await openToAll(base);
  await sweepAbandoned(base, log);
  const pointer = (await readPointer(dataDir)) ?? (await firstPointer(dataDir, base));
  if (!isAbsolute(pointer.cluster)) {
    throw new StartError(
      `The database of ${dataDir} was made by an ordinary user: start as that user, or set ` +
        'MODELROUTE_DATA_DIR to another folder.',
    );
  }
  const [cluster, home] = [pointer.cluster, resolve(pointer.cluster, '..')];
  await refuseCopy(dataDir, home, cluster);
  const owner = await ownerOf(cluster);
  if (pointer.made && !owner) {
    throw new StartError(
      `The database folder ${cluster}, which ${join(dataDir, pointerName)} names, is gone: ` +
        'bring it back, or start with another MODELROUTE_DATA_DIR.',
    );
  }
  await openToAll(home);
  await claimHome(home, dataDir);
  const binaries = await copyBinaries(packaged, base);
  const runAs = owner ?? (await systemUser());
  const version = await versionOf(binaries, runAs);
  log.info(
    { cluster, uid: runAs.uid },
    `PostgreSQL refuses to run as root, so it runs as uid ${runAs.uid} with its cluster in ${home}`,
  );
  return { dataDir, home, cluster, binaries, version, runAs, pointer };
}

/** For root, `where` is the base and the home is new: an old one of that name is never reused. */
async function firstPointer(dataDir: string, where: string): Promise<Pointer> {
  const cluster = isAbsolute(where) ? await freshCluster(dataDir, where) : where;
  if (!isAbsolute(where) && (await ownerOf(join(dataDir, where)))) {
    throw new StartError(
      `${join(dataDir, where)} exists but ${pointerName} beside it, which holds its password, is ` +
        'gone: restore that file from a backup, or start with another MODELROUTE_DATA_DIR.',
    );
  }
  const pointer = { cluster, port: 0, password: newPassword(), made: false };
  await writePointer(dataDir, pointer);
  return pointer;
}

async function freshCluster(dataDir: string, base: string): Promise<string> {
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  for (let n = 1; ; n += 1) {
    const home = join(base, n === 1 ? hash : `${hash}-${n}`);
    if (!(await ownerOf(home))) return join(home, 'postgres');
  }
}

/** A data folder may be moved, but a copy of it must not share the original's cluster. */
async function refuseCopy(dataDir: string, home: string, cluster: string): Promise<void> {
  const original = (await homeOwner(home))?.dataDir;
  if (original === undefined || original === dataDir) return;
  if ((await readPointer(original))?.cluster !== cluster) return;
  throw new StartError(
    `${dataDir} is a copy of ${original}, whose database is in ${cluster} and was not copied: ` +
      'start with another MODELROUTE_DATA_DIR.',
  );
}

async function versionOf(binaries: Binaries, runAs: RunAs): Promise<string> {
  const { code, output } = await run(binaries.postgres, ['--version'], { runAs });
  const version = /(\d+\.\d+)/.exec(output)?.[1];
  if (code === 0 && version) return version;
  if (code === 'EACCES') {
    throw new StartError(
      `The system user that runs PostgreSQL (uid ${runAs.uid ?? 'ours'}) cannot run ` +
        `${binaries.postgres}: set MODELROUTE_PG_DIR to a folder that every user may enter.`,
    );
  }
  throw new StartError(
    `The embedded PostgreSQL cannot run on this system (${output.trim() || code}): ` +
      'set DATABASE_URL to a PostgreSQL server.',
  );
}

async function openToAll(folder: string): Promise<void> {
  await makeFolder(folder, 0o755);
  if (((await stat(folder)).mode & 0o755) !== 0o755) await chmod(folder, 0o755);
}

async function ownerOf(path: string): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const { uid, gid } = await stat(path);
    return { uid, gid };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
