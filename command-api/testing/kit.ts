/** A command API over a store: a real server, an organization with a key, a client; for specs. */
import type { Readable } from 'node:stream';
import pg from 'pg';
import { pino } from 'pino';
import { Agent, request } from 'undici';
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import type { AccountEvent } from '../../contracts/events/account.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { openProviders } from '../../providers/open-providers.js';
import { openCatalogue } from '../../providers/catalogue/catalogue-holder.js';
import { configFrom } from '../../infra/config/config.js';
import { openAccountStates } from '../../command-handling/accounts/account-states.js';
import { openAccounts } from '../../command-handling/accounts/accounts.js';
import { openRepositories, type Repositories } from '../../command-handling/repositories.js';
import { openWebhookDirectory } from '../../command-handling/webhook-directory.js';
import { openMemoryCheckpoints } from '../../infra/checkpoints/testing/memory.js';
import { openInProcessBus } from '../../infra/event-bus/in-process.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { openAuthenticator } from '../../http/server/auth.js';
import { serveRoutes } from '../../http/server/serve-routes.js';
import { openMemoryDataKeys } from '../../infra/data-keys/testing/memory.js';
import { openPostgresExports } from '../../infra/exports/postgres.js';
import { openMetrics } from '../../infra/metrics.js';
import { parseCidrs } from '../../http/client/addresses.js';
import { openRecentPayloads } from '../../infra/payloads/recent.js';
import { openMemoryPayloads } from '../../infra/payloads/testing/memory.js';
import { openQuotas } from '../../infra/read-store/quotas.js';
import { openStoredBytes } from '../../infra/read-store/stored-bytes.js';
import { openSecrets } from '../../infra/secrets.js';
import type { FileStore } from '../../infra/files/port.js';
import type { PostedFiles } from '../../infra/files/posted-files.js';
import { encryptedFiles } from '../../infra/files/testing/encrypted.js';
import { openAddresses } from '../../runtime/addresses.js';
import { commandRoutes } from '../app.js';
import type { Commands } from '../command-infra.js';

interface Asking {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly json: Record<string, unknown>;
  readonly text: string;
}

export interface CommandApi {
  readonly commands: Commands;
  readonly baseUrl: string;
  /** As whoever the headers say, with JSON. */
  ask(method: string, path: string, asking?: Asking): Promise<Answer>;
  /** Sends bytes, or what gives them, to a URL that we gave. */
  upload(url: unknown, bytes: Buffer | Readable): Promise<Answer>;
  asOperator(method: string, path: string, body?: unknown, headers?: object): Promise<Answer>;
  close(): Promise<void>;
}

const ADMIN_KEY = 'an-operator-key-of-a-spec';
const silent = pino({ level: 'silent' });
/** Read models of which nothing is asked but quotas. */
const EMPTY = { query: async () => ({ rows: [] }) } as unknown as Pick<pg.Pool, 'query'>;

/**
 * Read models are needed, and then connected to, only to ask for rebuilds. Requests are
 * authenticated from the log itself, or from another view of it.
 */
export async function openCommandApi(
  store: EventStore,
  large: Map<string, Buffer> = new Map(),
  readStore?: pg.Pool,
  now = Date.now,
  files: FileStore = encryptedFiles(),
  authenticating: EventStore = store,
  postedFiles?: PostedFiles,
): Promise<CommandApi> {
  const config = configFrom({});
  const parsed = parseCidrs(config.allowedNetworks);
  if (!parsed.ok) throw new Error(parsed.reason);
  const variables = { SANDBOX_URL: 'http://127.0.0.1:1' };
  const catalogue = openCatalogue({ path: config.catalogueFile, variables, log: silent });
  const onError = (error: unknown) => silent.error(error);
  const readModels = readStore ?? EMPTY;
  const repositories = openRepositories(store);
  const commands: Commands = {
    ...repositories,
    webhooks: openWebhookDirectory({ store, ...repositories }),
    log: silent,
    store,
    catalogue,
    config,
    dataKeys: openMemoryDataKeys(),
    addresses: openAddresses({ ...config, publicUrl: 'http://modelroute.example' }),
    files,
    postedFiles,
    allowedNetworks: parsed.networks,
    accounts: openAccounts({ store, onError }),
    accountStates: openAccountStates({ store, onError }),
    bus: openInProcessBus({ store, checkpoints: openMemoryCheckpoints(), log: silent }),
    providers: openProviders({ credentials: () => undefined }),
    payloads: openRecentPayloads(openMemoryPayloads(large)),
    progress: { passed: async () => true } as unknown as Commands['progress'],
    readStore: readStore ?? new pg.Pool(),
    exports: openPostgresExports({ pool: readStore ?? new pg.Pool() }),
    quotas: openQuotas(readModels, onError),
    storedBytes: openStoredBytes(readModels, onError),
    tracing: undefined,
    secrets: openSecrets('a-master-key-of-a-spec-32-characters'),
    now,
  };
  const server = await serveRoutes({
    routes: commandRoutes(commands),
    mounts: [],
    log: silent,
    metrics: openMetrics(),
    authenticator: openKeys(openRepositories(authenticating), now),
    now: Date.now,
    port: 0,
    host: '127.0.0.1',
  });
  const baseUrl = `http://127.0.0.1:${server.port}`;
  const { dispatcher, ask, upload } = callersOf(baseUrl);
  return {
    commands,
    baseUrl,
    ask,
    upload,
    asOperator: (method, path, body, headers) =>
      ask(method, path, { headers: { authorization: `Bearer ${ADMIN_KEY}`, ...headers }, body }),
    async close() {
      await Promise.all([server.close(), dispatcher.close()]);
      catalogue.close();
    },
  };
}

const openKeys = (repositories: Repositories, now: () => number) =>
  openAuthenticator({ ...repositories, adminKey: ADMIN_KEY, now });

function callersOf(baseUrl: string) {
  const dispatcher = new Agent({ connections: 64 });
  const ask: CommandApi['ask'] = async (method, path, { headers = {}, body } = {}) => {
    const response = await request(`${baseUrl}${path}`, {
      dispatcher,
      method: method as 'GET',
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.body.text();
    const json = (text ? JSON.parse(text) : {}) as Answer['json'];
    return { status: response.statusCode, headers: response.headers, json, text };
  };
  const upload: CommandApi['upload'] = async (url, bytes) => {
    const { pathname } = new URL(String(url));
    const response = await request(`${baseUrl}${pathname}`, {
      dispatcher,
      method: 'PUT',
      body: bytes,
    });
    const text = await response.body.text();
    const json = JSON.parse(text) as Answer['json'];
    return { status: response.statusCode, headers: response.headers, json, text };
  };
  return { dispatcher, ask, upload };
}

export interface Tenant {
  readonly organizationId: OrganizationId;
  readonly apiKey: string;
  /** Headers of a tenant's request. */
  readonly as: { readonly authorization: string };
}

/** An organization with a key and so much money. */
export async function openTenant(api: CommandApi, dollars?: string): Promise<Tenant> {
  const created = await api.asOperator('POST', '/admin/v1/organizations', { name: 'Acme' });
  const organizationId = created.json['id'] as OrganizationId;
  const home = `/admin/v1/organizations/${organizationId}`;
  const granted = await api.asOperator('POST', `${home}/api-keys`, { name: 'a key' });
  const apiKey = granted.json['key'] as string;
  if (dollars !== undefined)
    await api.asOperator('POST', `${home}/top-ups`, { amount: dollars, idempotency_key: 'first' });
  return { organizationId, apiKey, as: { authorization: `Bearer ${apiKey}` } };
}

export async function executionEvents(store: EventStore, id: ExecutionId) {
  const events = await store.readStream(streamOf('execution', id));
  return events as readonly RecordedEvent<ExecutionEvent>[];
}

export async function accountEvents(store: EventStore, id: OrganizationId) {
  const events = await store.readStream(streamOf('account', id));
  return events as readonly RecordedEvent<AccountEvent>[];
}
