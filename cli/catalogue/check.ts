/** `catalogue check`: every check of a start, what a file means here, and a call on each route. */
import { readFile } from 'node:fs/promises';
import type { Catalogue, Provider } from '../../contracts/catalogue/catalogue.js';
import { StartError } from '../../infra/start-error.js';
import { loadCatalogue } from '../../providers/catalogue/load-catalogue.js';
import { openCredentials, type CredentialOf } from '../../providers/credentials.js';
import { openProviders } from '../../providers/open-providers.js';
import type { Providers } from '../../providers/port.js';
import { callsBack } from '../../processors/run-execution/callback-url.js';
import { isReachedFrom, openAddresses } from '../../runtime/addresses.js';
import { EXIT_FOUND, type Context } from '../context.js';
import { isNamed } from './names.js';
import { tryRoute } from './try-route.js';

interface CheckOptions {
  readonly try?: true;
  readonly only?: string;
}

export async function checkCatalogue(
  context: Context,
  path: string,
  options: CheckOptions,
): Promise<void> {
  const { print, endWith } = context;
  const env = context.env();
  const result = loadCatalogue(await textOf(path), { SANDBOX_URL: NOWHERE, ...env });
  if ('problems' in result) {
    for (const problem of result.problems) print(`problem  ${problem}`);
    print(`${path}: ${counted(result.problems.length, 'problem')}`);
    return endWith(EXIT_FOUND);
  }
  const { catalogue } = result;
  const routes = [...catalogue.models.values()].reduce((sum, one) => sum + one.routes.length, 0);
  const parts = [
    counted(catalogue.models.size, 'model'),
    counted(routes, 'route'),
    counted(catalogue.providers.size, 'provider'),
  ];
  print(`${path}: ${parts.join(', ')}, version ${catalogue.version}`);
  const providers = openProviders({ credentials: (name) => env[name] });
  try {
    for (const note of notesOn(context, catalogue, providers)) print(`note     ${note}`);
    const failed = options.try ? await tryAll(context, catalogue, providers, options.only) : 0;
    print(failed === 0 ? 'nothing is wrong' : `${counted(failed, 'route')} did not answer well`);
    if (failed > 0) endWith(EXIT_FOUND);
  } finally {
    await providers.close();
  }
}

/** A sandbox has its address from the system that runs it. */
const NOWHERE = 'http://127.0.0.1:1';

const counted = (count: number, word: string): string =>
  `${count} ${word}${count === 1 ? '' : 's'}`;

export async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new StartError(`${path} cannot be read (${code}).`);
  }
}

function notesOn(context: Context, { providers: all }: Catalogue, providers: Providers): string[] {
  const env = context.env();
  const config = context.config();
  const addresses = openAddresses(config);
  const credentialOf = openCredentials((name) => env[name]);
  const notes: string[] = [];
  for (const provider of all.values()) {
    const { slug } = provider;
    for (const note of credentialNotes(provider, credentialOf))
      notes.push(`providers.${slug}${note}`);
    if (provider.fileInput === 'url' && !isReachedFrom(addresses, provider.baseUrl))
      notes.push(
        `providers.${slug}: cannot fetch files from MODELROUTE_PUBLIC_URL ` +
          `(${addresses.publicUrl}), so it is sent their bytes`,
      );
    const adapter = providers.adapter(provider.adapter);
    if (!adapter.readCallback || adapter.callsBack?.(provider) === false) continue;
    notes.push(
      callsBack({ addresses, config, providers }, provider)
        ? `providers.${slug}: calls back under ${addresses.publicUrl}`
        : `providers.${slug}: cannot reach MODELROUTE_PUBLIC_URL (${addresses.publicUrl}), so ` +
            'its jobs are polled',
    );
  }
  return notes;
}

/** Of each account, and of what callbacks are signed with. */
function credentialNotes(provider: Provider, credentialOf: CredentialOf): string[] {
  const { accounts = [], generic, webhookSecretEnv } = provider;
  const secret = generic?.job?.callback?.hmac?.secret_env ?? webhookSecretEnv;
  const owners = [
    ...(accounts.length > 0 ? accounts : [{ ...provider, name: '' }]),
    ...(secret === undefined ? [] : [{ name: 'callbacks', credentialEnv: secret }]),
  ];
  return owners.flatMap(({ name, ...owner }) => {
    const credential = credentialOf(owner);
    if (typeof credential !== 'object') return [];
    const whose = name === '' || owners.length === 1 ? '' : ` (${name})`;
    return [`${whose}: ${credential.missing}, so it cannot be called`];
  });
}

async function tryAll(
  context: Context,
  catalogue: Catalogue,
  providers: Providers,
  only: string | undefined,
): Promise<number> {
  let failed = 0;
  for (const model of catalogue.models.values())
    for (const route of model.routes) {
      if (!isNamed(route.name, only)) continue;
      const provider = catalogue.providers.get(route.provider);
      if (!provider || context.signal.aborted) continue;
      const tried = await tryRoute(providers, { model, route, provider }, context.signal);
      if (!tried.isGood) failed++;
      context.print(`${tried.isGood ? 'good     ' : 'bad      '}${route.name}: ${tried.text}`);
    }
  return failed;
}
