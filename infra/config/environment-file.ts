/**
 * `<data>/environment`: how the processes of `make cluster` reach what they share, so that commands
 * find a running cluster by its data folder alone. It holds secrets: mode 0600, and removed when
 * the cluster stops.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { StartError } from '../start-error.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables of the process, and those of its data folder's file that it does not set. */
export function withEnvironmentFile(env: Environment): Environment {
  const path = join(dataDirOf(env), 'environment');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return env;
    throw new StartError(`${path} cannot be read: ${code ?? message}.`);
  }
  return { ...parseEnvironmentFile(text), ...env };
}

export const dataDirOf = (env: Environment): string =>
  resolve(env['MODELROUTE_DATA_DIR'] || './data');

/** Lines `NAME='value'`, which a shell can read as well. */
const parseEnvironmentFile = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/^(\w+)='(.*)'$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
