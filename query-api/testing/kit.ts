/** The query API over real HTTP: a log in memory, read models of real projectors, real files. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Pool, QueryConfig } from 'pg';
import { pino } from 'pino';
import type { PayloadRef } from '../../contracts/events/execution.js';
import type { Permission } from '../../contracts/events/api-key.js';
import { apiKeyIdOf, type FileId, type OrganizationId } from '../../contracts/ids.js';
import { categoryOf, streamOf } from '../../contracts/streams.js';
import { openDownloadLog, type DownloadLog } from '../../command-handling/download-log.js';
import { openAccountStates } from '../../command-handling/accounts/account-states.js';
import { openRepositories, type Repositories } from '../../command-handling/repositories.js';
import { openWebhookDirectory } from '../../command-handling/webhook-directory.js';
import { openAddresses } from '../../runtime/addresses.js';
import { openCatalogue } from '../../providers/catalogue/catalogue-holder.js';
import { openMemoryCheckpoints } from '../../infra/checkpoints/testing/memory.js';
import { openInProcessBus } from '../../infra/event-bus/in-process.js';
import type { EventBus } from '../../infra/event-bus/port.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { openDiskFiles } from '../../infra/files/disk.js';
import { encryptedFiles } from '../../infra/files/testing/encrypted.js';
import type { FileStore } from '../../infra/files/port.js';
import { apiKeyHash, apiKeyText } from '../../http/server/api-key-text.js';
import { openAuthenticator } from '../../http/server/auth.js';
import type { Route } from '../../http/server/route.js';
import { serveRoutes } from '../../http/server/serve-routes.js';
import { sha256Hex } from '../../domain/canonical-json.js';
import type { Log } from '../../infra/logger.js';
import { configFrom } from '../../infra/config/config.js';
import { openPostgresExports } from '../../infra/exports/postgres.js';
import { openMetrics } from '../../infra/metrics.js';
import { openPostgresProofStore } from '../../infra/proof-store/postgres.js';
import { openProcessReports } from '../../infra/process-reports/postgres.js';
import { openReadPool, openTenantReads } from '../../infra/read-store/tenant-reads.js';
import { openSecrets, type Secrets } from '../../infra/secrets.js';
import type { PayloadStore } from '../../infra/payloads/port.js';
import { openRecentPayloads } from '../../infra/payloads/recent.js';
import { openMemoryPayloads } from '../../infra/payloads/testing/memory.js';
import { projections } from '../../projectors/projections.js';
import { runProjections } from '../../projectors/engine/run-projections.js';
import { at, openReadModels, ORGANIZATION, type ReadModels } from '../../projectors/testing/kit.js';
import { asOperator, clientOf, type Answer, type Client, type Json } from '../../testing/client.js';
import { queryRoutes } from '../app.js';

export interface QueryServer {
  readonly models: ReadModels;
  /** Over the same log. */
  readonly bus: EventBus;
  readonly routes: readonly Route[];
  readonly baseUrl: string;
  readonly secrets: Secrets;
  readonly downloadLog: DownloadLog;
  /** What was asked of the log and of the read models so far, for answers. */
  readonly work: readonly string[];
  /** With a new key of the organization. */
  tenant(organizationId: OrganizationId, permission?: Permission): Promise<Client>;
  /** From now on the key is refused. */
  revoke(apiKey: string): Promise<void>;
  operator<T = Json>(method: string, path: string): Promise<Answer<T>>;
  keepOutput(text: string): Promise<PayloadRef>;
  keepFile(id: FileId, bytes: Buffer): Promise<{ sizeBytes: number; sha256: string }>;
  startProjecting(): void;
  /** The read models stay as they are from now on. */
  stopProjecting(): Promise<void>;
  close(): Promise<void>;
}

const ADMIN_KEY = 'an-operator-key-of-a-spec';
const FILE_BYTES_MAX = 1_000_000;
const NO_URLS = { port: 0, publicUrl: undefined, filesUrl: undefined };

const provingOver = ({ pool }: ReadModels) => ({
  checkpointKey: Buffer.alloc(32, 7),
  proofs: openPostgresProofStore({ pool }),
  exports: openPostgresExports({ pool }),
});

/** Files lie on a disk of its own unless others are given. */
export async function openQueryServer(given: { files?: FileStore } = {}): Promise<QueryServer> {
  const models = await openReadModels();
  const dir = await mkdtemp(join(tmpdir(), 'modelroute-query-'));
  const log = pino({ level: 'silent' });
  const files = given.files ?? encryptedFiles(await openDiskFiles({ dir }));
  const payloads = openRecentPayloads(openMemoryPayloads());
  const catalogue = ownCatalogue(log);
  const { pool: readStore, progress } = models;
  const work: string[] = [];
  const store = readsNoted(models.store, work);
  const readPool = openReadPool(models.url, log);
  const bus = openInProcessBus({ store, checkpoints: openMemoryCheckpoints(), log });
  const repositories = openRepositories(store);
  const downloadLog = openDownloadLog({ ...repositories, now: Date.now, log });
  const secrets = openSecrets('a master key of a spec');
  const addresses = openAddresses(NO_URLS);
  const routes = queryRoutes({
    ...repositories,
    accountStates: openAccountStates({ store, onError: (error) => log.error(error) }),
    addresses,
    bus,
    config: configFrom({}),
    downloadLog,
    catalogue,
    ...provingOver(models),
    files,
    log,
    now: Date.now,
    payloads,
    progress,
    reads: openTenantReads(queriesNoted(readPool, work)),
    reports: openProcessReports({ pool: readStore }),
    readStore,
    secrets,
    store,
    webhooks: openWebhookDirectory({ store, ...repositories }),
  });
  const server = await served(routes, openRepositories(models.store), log);
  const baseUrl = `http://127.0.0.1:${server.port}`;
  addresses.listensOn(server.port);
  const { startProjecting, stopProjecting } = projectingOf(models);
  return {
    models,
    bus,
    routes,
    baseUrl,
    secrets,
    downloadLog,
    work,
    tenant: async (organizationId, permission = 'FULL') =>
      clientOf({ baseUrl }, await newKey(models, organizationId, permission)),
    revoke: (apiKey) => revokeKey(models, apiKey),
    operator: (method, path) => asOperator({ baseUrl, adminKey: ADMIN_KEY }, method, path),
    keepOutput: (text) => keepOutput(payloads, text),
    keepFile: (id, bytes) => files.put(id, ORGANIZATION, Readable.from([bytes]), FILE_BYTES_MAX),
    startProjecting,
    stopProjecting,
    async close() {
      await server.close();
      await downloadLog.close();
      await stopProjecting();
      catalogue.close();
      await readPool.end();
      await models.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const readsNoted = (store: EventStore, work: string[]): EventStore => ({
  ...store,
  readStream(stream, options) {
    work.push(`stream of ${categoryOf(stream)}`);
    return store.readStream(stream, options);
  },
});

function queriesNoted(pool: Pool, work: string[]): Pick<Pool, 'query'> {
  const query = (asked: QueryConfig) => {
    work.push(asked.text);
    return pool.query(asked);
  };
  return { query: query as Pool['query'] };
}

const served = (routes: readonly Route[], repositories: Repositories, log: Log) =>
  serveRoutes({
    routes,
    mounts: [],
    authenticator: openAuthenticator({ ...repositories, adminKey: ADMIN_KEY, now: Date.now }),
    log,
    metrics: openMetrics(),
    now: Date.now,
    port: 0,
    host: '127.0.0.1',
  });

function ownCatalogue(log: Log) {
  const path = fileURLToPath(new URL('../../catalogue.yaml', import.meta.url));
  return openCatalogue({ path, variables: { SANDBOX_URL: 'http://127.0.0.1:9' }, log });
}

function projectingOf(models: ReadModels) {
  let projecting: { stop: AbortController; running: Promise<void> } | undefined;
  return {
    startProjecting: () => {
      const stop = new AbortController();
      projecting = { stop, running: runProjections(models.runOptions(projections), stop.signal) };
    },
    stopProjecting: async () => {
      projecting?.stop.abort();
      await projecting?.running;
      projecting = undefined;
    },
  };
}

async function keepOutput(payloads: PayloadStore, text: string): Promise<PayloadRef> {
  const bytes = Buffer.from(text);
  const ref = `output/${randomBytes(8).toString('hex')}`;
  await payloads.put({ ref, organizationId: 'org', bytes });
  return { ref, sha256: sha256Hex(bytes), bytes: bytes.length };
}

async function newKey(
  models: ReadModels,
  organizationId: OrganizationId,
  permission: Permission,
): Promise<string> {
  const key = apiKeyText(randomBytes(32));
  const hash = apiKeyHash(key);
  const keyId = apiKeyIdOf(hash);
  const about = { name: 'a key', hint: key.slice(-4), at: at(0) };
  await models.append({
    stream: streamOf('apiKey', keyId),
    type: 'ApiKeyCreated',
    data: { organizationId, keyId, permission, hash, ...about },
  });
  return key;
}

function revokeKey(models: ReadModels, apiKey: string): Promise<void> {
  const keyId = apiKeyIdOf(apiKeyHash(apiKey));
  return models.append({
    stream: streamOf('apiKey', keyId),
    type: 'ApiKeyRevoked',
    data: { organizationId: ORGANIZATION, keyId, at: at(1) },
  });
}
