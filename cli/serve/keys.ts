/** The keys of an instance: given by configuration, or made once and kept in the data folder. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../infra/config/config.js';
import { derivedCheckpointKey } from '../../infra/secrets.js';

export interface Keys {
  readonly adminKey: string;
  /** From which webhook secrets are derived: losing it changes every customer's secret. */
  readonly masterKey: string;
  /** Signs checkpoints of the log: with another one, the public keys before stay served. */
  readonly checkpointKey: string;
}

export async function keysOf(config: Config): Promise<Keys> {
  const { dataDir, adminKey, masterKey, checkpointKey } = config;
  return {
    adminKey: adminKey ?? (await kept(join(dataDir, 'admin-key'), 'adm')),
    masterKey: masterKey ?? (await kept(join(dataDir, 'master-key'), 'mst')),
    checkpointKey:
      checkpointKey ??
      sharedCheckpointKey(config) ??
      (await kept(join(dataDir, 'checkpoint-key'), 'chk')),
  };
}

/** Of processes over one database, which have no data folder in common. */
export const sharedCheckpointKey = ({ databaseUrl, masterKey }: Config): string | undefined =>
  databaseUrl === undefined || masterKey === undefined
    ? undefined
    : derivedCheckpointKey(masterKey);

/** Written once with `wx`: two starts at one time cannot make two keys. */
async function kept(file: string, prefix: string): Promise<string> {
  const made = `${prefix}_${randomBytes(32).toString('hex')}`;
  try {
    await writeFile(file, `${made}\n`, { mode: 0o600, flag: 'wx', flush: true });
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return (await readFile(file, 'utf8')).trim();
  }
}
