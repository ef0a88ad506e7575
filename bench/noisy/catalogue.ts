/** Two models that share nothing but the process: one is fast, the other's provider is slow. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { repositoryRoot } from '../../testing/child-process.js';

interface Entry {
  routes: readonly { readonly provider: string }[];
}

interface CatalogueFile {
  readonly providers: Record<string, { timeout_ms: number; bulkhead: number }>;
  readonly models: Record<string, Entry>;
}

/** Its provider is the sandbox's `aurora`. */
export const FAST = 'text-generation-standard';
/** Its provider is the sandbox's `borealis`. */
export const SLOW = 'text-slow';
const SLOW_TIMEOUT_MS = 90_000;
const SLOW_BULKHEAD = 32;

/** Answers with the file. */
export async function writeNoisyCatalogue(folder: string): Promise<string> {
  const bundled = await readFile(join(repositoryRoot, 'catalogue.yaml'), 'utf8');
  const { providers, models } = parse(bundled) as CatalogueFile;
  const text = models[FAST];
  const slow = providers['borealis-chat'];
  if (!text || !slow) throw new Error('the bundled catalogue has other names');
  Object.assign(slow, { timeout_ms: SLOW_TIMEOUT_MS, bulkhead: SLOW_BULKHEAD });
  const by = (name: string): Entry => ({
    ...text,
    routes: text.routes.filter(({ provider }) => provider === name),
  });
  const chosen = { [FAST]: by('aurora-chat'), [SLOW]: by('borealis-chat') };
  const file = join(folder, 'catalogue.yaml');
  await writeFile(file, stringify({ providers, models: chosen }));
  return file;
}
