/** The master key of an installation, for commands: configured, or kept in its data folder. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../infra/config/config.js';
import { StartError } from '../infra/start-error.js';

type Where = Pick<Config, 'dataDir' | 'masterKey'>;

export const masterKeyOf = async (config: Where): Promise<string> =>
  config.masterKey ?? (await keptKey(config, 'master-key'));

export async function keptKey({ dataDir }: Where, name: string): Promise<string> {
  const path = join(dataDir, name);
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    const variable = `MODELROUTE_${name.toUpperCase().replace('-', '_')}`;
    throw new StartError(`${path} cannot be read: set ${variable}.`, { cause: error });
  }
}
