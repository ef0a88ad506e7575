import { open, readFile, rename } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { StartError } from '../../start-error.js';

/**
 * `<data>/postgres.json` (mode 0600): where the data folder's cluster is and how to log in. It is
 * written before the cluster is made, so that a cluster never exists whose password nobody knows.
 */
export interface Pointer {
  /** An absolute path, or one relative to the data folder (which may then be moved). */
  readonly cluster: string;
  /** The port of the last start; the next one asks for it again. 0: none yet. */
  readonly port: number;
  readonly password: string;
  /** False until the cluster has been seen complete: only then may it be made (again). */
  readonly made: boolean;
}

export const pointerName = 'postgres.json';

export async function readPointer(dataDir: string): Promise<Pointer | undefined> {
  const path = join(dataDir, pointerName);
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Pointer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    throw new StartError(`${path} is damaged: restore it from a backup of the data folder.`);
  }
}

export async function writePointer(dataDir: string, pointer: Pointer): Promise<void> {
  const path = join(dataDir, pointerName);
  const draft = `${path}.${randomBytes(4).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(pointer, undefined, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

/** Needs no escaping in a URL. */
export function newPassword(): string {
  return randomBytes(24).toString('hex');
}
