import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import type { Logger } from 'pino';
import { readPointer } from './pointer.js';
import { endPostmaster, livePostmaster } from './postmaster.js';
import { identify, type ProcessIdentity } from './process.js';

/**
 * The owner of a cluster outside its data folder: `owner.json` in its home names the data folder
 * and the process that started it last.
 */
export interface HomeOwner extends ProcessIdentity {
  readonly dataDir: string;
}

export async function claimHome(home: string, dataDir: string): Promise<void> {
  const us = await identify(process.pid);
  const draft = join(home, `${ownerName}.${randomBytes(4).toString('hex')}`);
  await writeFile(draft, `${JSON.stringify({ dataDir, ...us })}\n`, { mode: 0o600, flag: 'wx' });
  await rename(draft, join(home, ownerName));
}

/** Undefined also for a damaged note: nothing is known of the owner, nothing is done about it. */
export async function homeOwner(home: string): Promise<HomeOwner | undefined> {
  const text = await readFile(join(home, ownerName), 'utf8').catch(() => undefined);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as HomeOwner);
  } catch {
    return undefined;
  }
}

/**
 * Deleting a data folder does not reach root's cluster of it. A cluster whose data folder no longer
 * names it, and whose process is dead, has its postmaster ended; the files stay, since the folder
 * may only be unmounted, unless it was in the system's temporary folder, where nothing comes back.
 */
export async function sweepAbandoned(
  base: string,
  log: Pick<Logger, 'info' | 'warn'>,
): Promise<void> {
  for (const entry of await readdir(base, { withFileTypes: true })) {
    const home = join(base, entry.name);
    const owner = entry.isDirectory() ? await homeOwner(home) : undefined;
    if (!owner || (await identify(owner.pid))?.started === owner.started) continue;
    const cluster = join(home, 'postgres');
    if (await stillNames(owner.dataDir, cluster)) continue;
    const postmaster = await livePostmaster(cluster);
    if (postmaster) await endPostmaster(postmaster.pid, cluster);
    if (owner.dataDir.startsWith(tmpdir() + sep)) {
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    } else if (postmaster) {
      log.warn(
        { home, data_dir: owner.dataDir },
        `Ended the PostgreSQL of a data folder that is gone; its files stay in ${home}`,
      );
    }
  }
}

const ownerName = 'owner.json';

/** When in doubt (damaged, unreadable) it does. */
async function stillNames(dataDir: string, cluster: string): Promise<boolean> {
  const pointer = await readPointer(dataDir).catch(() => 'unreadable' as const);
  return pointer === 'unreadable' || pointer?.cluster === cluster;
}
