import { link, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { makeFolder } from '../../make-folder.js';
import { StartError, folderTrouble } from '../../start-error.js';
import { identify, until, type ProcessIdentity } from './process.js';

/**
 * One process per data folder. The lock is a numbered file that names its holder; the highest
 * number counts.
 *
 *   free      no file, or the highest says `released`
 *   held      the highest names a live process
 *   stale     the highest names a process that is dead (kill -9, power cut)
 *
 * Taking a free or stale lock is to create the next number by link(2), which only one process can
 * do and which shows the file only complete. A number is never used again while a higher one
 * exists, so somebody who looked long ago and creates an old number sees a higher one beside it and
 * gives way.
 */
export interface DataDirLock {
  release(): Promise<void>;
}

/** Creates the data folder where it is missing and takes its lock, or throws a StartError. */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  try {
    await makeFolder(dataDir, 0o700);
    const us = await identify(process.pid);
    if (!us) throw new Error('This process cannot see itself in the process table.');
    const taken = await until(() => take(dataDir, us), 5_000, 10);
    if (taken === false) throw new StartError(inUse(dataDir, undefined));
    return {
      release: () => release(dataDir, taken),
    };
  } catch (error) {
    throw folderTrouble(error, dataDir);
  }
}

type Content = ProcessIdentity | { readonly released: true };

/** One try: the number taken, or false when another process moved at the same time. */
async function take(dataDir: string, us: ProcessIdentity): Promise<number | false> {
  const numbers = await lockNumbers(dataDir);
  const highest = Math.max(0, ...numbers);
  if (highest > 0) {
    const holder = await read(dataDir, highest);
    if (holder === 'gone') return false;
    if (holder !== 'damaged' && 'pid' in holder && (await lives(holder))) {
      throw new StartError(inUse(dataDir, holder.pid));
    }
  }
  const ours = highest + 1;
  if (!(await create(dataDir, ours, us))) return false;
  if (Math.max(...(await lockNumbers(dataDir))) !== ours) {
    await rm(fileOf(dataDir, ours), { force: true });
    return false;
  }
  for (const old of numbers) await rm(fileOf(dataDir, old), { force: true });
  return ours;
}

async function lives(holder: ProcessIdentity): Promise<boolean> {
  return (await identify(holder.pid))?.started === holder.started;
}

async function lockNumbers(dataDir: string): Promise<number[]> {
  const names = await readdir(dataDir);
  return names.flatMap((name) => {
    const number = /^process-(\d+)\.lock$/.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

/** A damaged lock (a power cut before its bytes reached the disk) has no live holder. */
async function read(dataDir: string, number: number): Promise<Content | 'gone' | 'damaged'> {
  try {
    return JSON.parse(await readFile(fileOf(dataDir, number), 'utf8')) as Content;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    if (error instanceof SyntaxError) return 'damaged';
    throw error;
  }
}

async function create(dataDir: string, number: number, content: Content): Promise<boolean> {
  const draft = await writeDraft(dataDir, content);
  try {
    await link(draft, fileOf(dataDir, number));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * The number stays taken, marked as free. A data folder deleted under us has no lock to give back.
 */
async function release(dataDir: string, number: number): Promise<void> {
  try {
    await rename(await writeDraft(dataDir, { released: true }), fileOf(dataDir, number));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function writeDraft(dataDir: string, content: Content): Promise<string> {
  const draft = join(dataDir, `process.lock.${randomUUID()}`);
  await writeFile(draft, `${JSON.stringify(content)}\n`, { mode: 0o600, flag: 'wx' });
  return draft;
}

function fileOf(dataDir: string, number: number): string {
  return join(dataDir, `process-${number}.lock`);
}

function inUse(dataDir: string, pid: number | undefined): string {
  const holder = pid === undefined ? '' : ` (process ${pid})`;
  return (
    `Another ModelRoute process${holder} uses the data folder ${dataDir}: ` +
    'stop it first, or set MODELROUTE_DATA_DIR to another folder.'
  );
}
