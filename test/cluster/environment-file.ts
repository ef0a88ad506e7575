/** `<data>/environment`, by which commands find a running cluster: infra/config reads it. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const fileIn = (dataDir: string): string => join(dataDir, 'environment');

/** It holds secrets: for its user alone, and removed when the cluster stops. */
export async function writeEnvironmentFile(
  dataDir: string,
  variables: Readonly<Record<string, string>>,
): Promise<void> {
  const lines = Object.entries(variables).map(([name, value]) => `${name}='${value}'\n`);
  await writeFile(fileIn(dataDir), lines.join(''), { mode: 0o600 });
}

export const removeEnvironmentFile = (dataDir: string): Promise<void> =>
  rm(fileIn(dataDir), { force: true });
