/** Makes folders that an operator names. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StartError } from './start-error.js';

/**
 * Makes the folder, and those above it. Node's own recursive `mkdir` never ends where the folder
 * above is there and says ENOENT, as those of /proc do. Throws a `StartError` there, and the error
 * of the file system otherwise.
 */
export async function makeFolder(path: string, mode: number): Promise<void> {
  if (await isMade(path, mode)) return;
  const above = dirname(path);
  if (above !== path) await makeFolder(above, mode);
  if (await isMade(path, mode)) return;
  throw new StartError(`No folder ${path} can be made there: name another place.`);
}

/** False where what is above it is not there. */
async function isMade(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    const isFolder = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (isFolder) return true;
    throw error;
  }
}
