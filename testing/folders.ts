import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface TemporaryFolder {
  readonly dir: string;
  remove(): Promise<void>;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const dir = await mkdtemp(join(tmpdir(), 'modelroute-spec-'));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** A folder with a disk of its own of that size; undefined where nothing may be mounted. */
export async function smallDisk(sizeBytes: number): Promise<TemporaryFolder | undefined> {
  const folder = await temporaryFolder();
  const run = promisify(execFile);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', folder.dir]);
  } catch {
    await folder.remove();
    return undefined;
  }
  return {
    dir: folder.dir,
    remove: async () => {
      await run('umount', [folder.dir]);
      await folder.remove();
    },
  };
}

/** The files below a folder, by their paths relative to it. */
export async function filesUnder(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();
}
