/** The bundled catalogue, hurried: what takes minutes in earnest takes seconds in a storm. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { repositoryRoot } from '../../testing/child-process.js';

interface CatalogueFile {
  readonly providers: Record<string, { adapter: string; timeout_ms: number }>;
  readonly models: Record<string, { expires_in_seconds: number; routes: { provider: string }[] }>;
}

export const TEXT = 'text-generation-standard';
/** Text that only the provider without idempotency keys writes. */
export const NORTH_TEXT = 'text-north';

const TEXT_TIMEOUT_MS = 2_000;
const IMAGE_TIMEOUT_MS = 4_000;
const EXPIRES_IN_SECONDS = 40;

export async function writeStormCatalogue(folder: string): Promise<string> {
  const bundled = await readFile(join(repositoryRoot, 'catalogue.yaml'), 'utf8');
  const { providers, models } = parse(bundled) as CatalogueFile;
  for (const provider of Object.values(providers))
    provider.timeout_ms = provider.adapter === 'openai-chat' ? TEXT_TIMEOUT_MS : IMAGE_TIMEOUT_MS;
  for (const model of Object.values(models)) model.expires_in_seconds = EXPIRES_IN_SECONDS;
  const text = models[TEXT];
  if (!text) throw new Error(`the bundled catalogue has no ${TEXT}`);
  const routes = text.routes.filter(({ provider }) => provider.startsWith('borealis'));
  const all = { providers, models: { ...models, [NORTH_TEXT]: { ...text, routes } } };
  const file = join(folder, 'catalogue.yaml');
  await writeFile(file, stringify(all));
  return file;
}
