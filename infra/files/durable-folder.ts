/**
 * A folder whose files appear whole or not at all, and stay: written under another name in the same
 * file system, synced, given their name, and the folder of the name synced after it.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { FileHandle } from 'node:fs/promises';
import { StoreUnavailable } from '../event-store/port.js';

interface DurableFolder {
  /** Whether `path` is there; then it stays, even if its writer died just behind the rename. */
  has(path: string): Promise<boolean>;
  /** `write` fills the file that will be `path`; when it throws, nothing is left of it. */
  put<T>(path: string, write: (file: FileHandle) => Promise<T>): Promise<T>;
  /** Removes what was last written to before that moment and never became a file. */
  removeUnfinished(beforeMs: number): Promise<void>;
  /** The same, but undefined when something is there by then, which stays. */
  putNew<T extends object>(
    path: string,
    write: (file: FileHandle) => Promise<T>,
  ): Promise<T | undefined>;
}

/** The folder of files that are being written. */
const INCOMING = 'incoming';
/** A writer that was alive would have written within this time: what it left is nobody's. */
const LEFTOVER_AGE_MS = 10 * 60_000;

interface State {
  readonly dir: string;
  readonly incoming: string;
  /** Folders known to survive a power cut; of bounded number, as the fan-out is. */
  readonly durable: Map<string, Promise<void>>;
}

/** Makes the folder when it is not there, and sweeps what crashed writers left. */
export async function openDurableFolder(dir: string): Promise<DurableFolder> {
  const state: State = { dir, incoming: join(dir, INCOMING), durable: new Map() };
  await orUnavailable(dir, () => makeDurable(state, state.incoming));
  await removeUnfinished(state, Date.now() - LEFTOVER_AGE_MS);
  return {
    has,
    put: (path, write) => orUnavailable(dir, () => put(state, path, write, rename)),
    putNew: (path, write) => orUnavailable(dir, () => putNew(state, path, write)),
    removeUnfinished: (beforeMs) => removeUnfinished(state, beforeMs),
  };
}

async function has(path: string): Promise<boolean> {
  if (!(await stat(path).catch(unless('ENOENT')))) return false;
  await syncFolder(dirname(path));
  return true;
}

/** Whether nothing had that name before. */
async function nameNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (code !== 'EEXIST' && !NO_LINKS.has(code)) throw error;
    if (code !== 'EEXIST' && !(await has(to))) {
      await rename(from, to);
      return true;
    }
    await rm(from, { force: true });
    return false;
  }
  await rm(from, { force: true });
  return true;
}

/** Of file systems without hard links; there two writers at the same moment may still replace. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

async function putNew<T extends object>(
  state: State,
  path: string,
  write: (file: FileHandle) => Promise<T>,
): Promise<T | undefined> {
  let isNew = true;
  const result = await put(state, path, write, async (from, to) => {
    isNew = await nameNew(from, to);
  });
  return isNew ? result : undefined;
}

async function put<T>(
  state: State,
  path: string,
  write: (file: FileHandle) => Promise<T>,
  name: (from: string, to: string) => Promise<void>,
): Promise<T> {
  const written = join(state.incoming, randomUUID());
  try {
    const result = await writeSynced(written, write);
    await durableFolder(state, dirname(path));
    await name(written, path);
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    state.durable.delete(dirname(path)); // it may have been removed
    await rm(written, { force: true });
    throw error;
  }
}

async function writeSynced<T>(path: string, write: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, 'wx', 0o600);
  try {
    const result = await write(file);
    await file.sync();
    return result;
  } finally {
    await file.close();
  }
}

/** Waits also for a folder that another writer is just making. */
async function durableFolder(state: State, folder: string): Promise<void> {
  const made = state.durable.get(folder) ?? makeDurable(state, folder);
  state.durable.set(folder, made);
  try {
    await made;
  } catch (error) {
    state.durable.delete(folder);
    throw error;
  }
}

/** Each folder on the way down is made and its parent synced. */
async function makeDurable({ dir }: State, folder: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await syncFolder(dirname(dir));
  let at = dir;
  for (const name of relative(dir, folder).split(sep)) {
    const parent = at;
    at = join(parent, name);
    await mkdir(at, { mode: 0o700 }).catch(unless('EEXIST'));
    await syncFolder(parent);
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeUnfinished({ incoming }: State, beforeMs: number): Promise<void> {
  for (const name of (await readdir(incoming).catch(unless('ENOENT'))) ?? []) {
    const leftover = join(incoming, name);
    const { mtimeMs } = (await stat(leftover).catch(unless('ENOENT'))) ?? { mtimeMs: Infinity };
    if (mtimeMs < beforeMs) await rm(leftover, { force: true });
  }
}

/** No space is an outage that ends by itself once somebody makes room. */
async function orUnavailable<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!NO_SPACE.has(codeOf(error) ?? '')) throw error;
    throw new StoreUnavailable(`no space is left for files under ${dir}`, error);
  }
}

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT']);

/** For calls that may find the thing there, or gone, already. */
export const unless =
  (code: string) =>
  (error: unknown): undefined => {
    if (codeOf(error) !== code) throw error;
  };

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
