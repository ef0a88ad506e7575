/** Opens what configuration names: the one place where adapters are chosen. */
import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import type { AnyEvent } from '../contracts/events/all.js';
import type { RecordedEvent } from '../contracts/events/envelope.js';
import { openDownloadLog } from '../command-handling/download-log.js';
import { learn, openRepositories, type Repositories } from '../command-handling/repositories.js';
import { openStreamCache } from '../command-handling/stream-cache.js';
import { openWebhookDirectory } from '../command-handling/webhook-directory.js';
import type { Config } from '../infra/config/config.js';
import { within } from '../infra/concurrency/pause.js';
import { expectOwnLog, kindOf, type Epoch } from '../infra/event-store/identity.js';
import { openAddresses } from './addresses.js';
import { databaseTrouble, isDatabaseTrouble } from './database-trouble.js';
import { openDependencies } from './dependencies.js';
import type { Infra } from './infra.js';
import { openCachedDataKeys } from '../infra/data-keys/cached.js';
import type { CachedDataKeys } from '../infra/data-keys/port.js';
import { expectOpenable, openPostgresDataKeys } from '../infra/data-keys/postgres.js';
import { openPostgresExports } from '../infra/exports/postgres.js';
import { openPostgresLimitShares } from '../infra/limit-shares/postgres.js';
import { openPostgresSlotShares } from '../infra/slot-shares/postgres.js';
import { openPostgresRequestLimits } from '../infra/request-limits/postgres.js';
import type { Tracing } from '../infra/tracing/port.js';
import { openPostgresLeases } from '../infra/leases/postgres.js';
import type { Log } from '../infra/logger.js';
import { openMetrics, type Metrics } from '../infra/metrics.js';
import { allMigrations } from '../infra/migrations/all.js';
import { parseCidrs, type AllowedNetworks } from '../http/client/addresses.js';
import { openSharedAccounts } from './open-accounts.js';
import { openBus } from './open-bus.js';
import { openPricedCatalogue } from './open-catalogue.js';
import { openFiles, type Files } from './open-files.js';
import { openStores, type Stores } from './open-stores.js';
import { openOutbound } from '../http/client/outbound.js';
import type { PayloadStore } from '../infra/payloads/port.js';
import { openRecentPayloads } from '../infra/payloads/recent.js';
import { openSealedPayloads } from '../infra/payloads/sealed.js';
import { openTieredPayloads } from '../infra/payloads/tiered.js';
import { openPool } from '../infra/postgres/pool.js';
import { migrateFor, roleOf } from '../infra/postgres/roles.js';
import { whileHeard } from '../infra/postgres/while-heard.js';
import { openProviders } from '../providers/open-providers.js';
import { openUsage } from './open-usage.js';
import { openPostgresProofStore } from '../infra/proof-store/postgres.js';
import { openProgress } from '../infra/read-store/progress.js';
import { openReadPool, openTenantReads } from '../infra/read-store/tenant-reads.js';
import { openSecrets, signingSeed, type Secrets } from '../infra/secrets.js';
import { openKeyUses } from '../infra/key-uses.js';
import { openProcessReports } from '../infra/process-reports/postgres.js';
import { openPostgresWaitingExecutions } from '../infra/waiting-executions/postgres.js';
import { StartError } from '../infra/start-error.js';

export interface OpenInfraOptions {
  readonly config: Config;
  readonly log: Log;
  readonly databaseUrl: string;
  /** As the role that migrates and owns the log; the same role where there is but one. */
  readonly migrationsUrl: string;
  readonly masterKey: string;
  /** Signs checkpoints. */
  readonly checkpointKey: string;
  /** Where the sandbox listens, when there is one. */
  readonly sandboxUrl: string | undefined;
  /** Names this process among the living; a restart of the only process keeps its name. */
  readonly instance: string;
  /** No other process works on this data. */
  readonly sole: boolean;
}

export interface OpenedInfra {
  readonly infra: Infra;
  /** What an operator should know once everything has started. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

/** For due timers and whoever waits for a projection: callers have connections of their own. */
const READ_MODEL_CONNECTIONS_MAX = 3;
/** Leases and checkpoints must not wait behind reads, or groups would pause under load. */
const PROCESSING_CONNECTIONS_MAX = 4;
/** One transaction, the reading for the next one, and the look at what others do. */
const PROJECTING_CONNECTIONS_MAX = 3;
const REBUILDING_CONNECTIONS_MAX = 2;
const REBUILDING_MS = 30_000;
/** The tree's transactions, and what is read of it for proofs. */
const PROVING_CONNECTIONS_MAX = 3;
/** Of all feeds, where an export begins is counted. */
const EXPORTING_CONNECTIONS_MAX = 2;
/**
 * A batch takes tens of milliseconds; one that is silent for so long is tried again. A stop waits
 * for it, and has ten seconds.
 */
const BATCH_MS = 4_500;

export async function openInfra(options: OpenInfraOptions): Promise<OpenedInfra> {
  const { config, log, databaseUrl, masterKey, sandboxUrl, instance, sole } = options;
  const warnings = await migrateAll(options);
  const { processing: pool, readPool, models, closePools } = openPools(databaseUrl, log);
  const metrics = openMetrics();
  const tracing = await openTracing(config, log);
  const secrets = openSecrets(masterKey);
  const dataKeys = await openDataKeys(pool, secrets);
  const stores = await openStores({ config, databaseUrl, log, dataKeys });
  const { store, rawLog } = stores;
  const opened = { kind: kindOf(config), store, rawLog };
  const epoch = await expectOwnLog(models.readStore, opened, { remember: true });
  watchStore(stores, metrics);
  const leases = openPostgresLeases({ pool });
  const recent = config.roles.has('processors') ? {} : RECENT_ONLY_REPEATED;
  const repositories = openRepositories(store, openStreamCache(recent));
  const given = { config, store, leases, instance, log, metrics };
  const delivery = await openBus({ ...given, epoch, pool, onEvent: learnerOf(repositories) });
  const { bus, logBus, relay } = delivery;
  const filing = await openFiles(config, dataKeys, secrets.fileLinkKey);
  const { files, largePayloads, postedFiles } = filing;
  const priced = await openPricedCatalogue({ config, store, sandboxUrl, log });
  const calls = openCalls(config, sandboxUrl);
  const eventStore = config.eventStoreUrl ? async () => void (await store.head()) : undefined;
  const checks = { eventStore, eventBus: delivery.check, fileStore: filing.check };
  const probes = openDependencies({ databaseUrl, log, ...checks });
  const { internalKey: key } = secrets;
  const shared = await openSharedAccounts({ ...given, databaseUrl, sole, key });
  const infra: Infra = {
    ...repositories,
    ...given,
    addresses: openAddresses(config),
    bus,
    logBus,
    files,
    ...openOverRepositories({ ...repositories, store, log }),
    largePayloads,
    postedFiles,
    ...priced,
    ...calls,
    ...openProcessing(pool, log, sole),
    tracing,
    ...models,
    relay,
    reads: openTenantReads(readPool),
    dependencies: probes.dependencies,
    progress: openProgress(models.readStore),
    ...(await openUsage(models.readStore, log)),
    dataKeys,
    payloads: openRecentPayloads(openPayloads(stores, filing, dataKeys), recent),
    ...shared.given,
    secrets,
    ...openProving(models.proving, epoch, options),
    exports: openPostgresExports({ pool: models.exporting, epoch }),
    beganBefore: sole ? await store.head() : undefined,
    now: Date.now,
  };
  return {
    infra,
    warnings,
    close: () =>
      closeInTurn([
        [priced.catalogue, ...(tracing ? [tracing] : [])],
        [...Object.values(calls), infra.downloadLog, infra.keyUses],
        [delivery, shared],
        [stores, filing],
        [dataKeys, { close: closePools }, probes],
      ]),
  };
}

/** Throws `StartError` where those that are there are under another master key. */
async function openDataKeys(pool: Pool, { dataKeysKey }: Secrets): Promise<CachedDataKeys> {
  const stored = { pool, wrappingKey: async () => dataKeysKey };
  await expectOpenable(stored);
  return openCachedDataKeys({ keys: openPostgresDataKeys(stored) });
}

const openPayloads = (
  { smallPayloads: small }: Stores,
  { largePayloads }: Files,
  dataKeys: CachedDataKeys,
): PayloadStore =>
  openTieredPayloads({ small, large: openSealedPayloads(dataKeys, largePayloads) });

interface Closing {
  close(): unknown;
}

/** What is of one turn is closed together, before what it works over. */
async function closeInTurn(turns: readonly (readonly Closing[])[]): Promise<void> {
  for (const turn of turns) await Promise.all(turn.map(async (one) => one.close()));
}

const learnerOf = (repositories: Repositories) => (event: RecordedEvent<AnyEvent>) =>
  learn(repositories, event);

const openOverRepositories = (
  given: Repositories & Pick<Infra, 'store' | 'log'>,
): Pick<Infra, 'downloadLog' | 'webhooks'> => ({
  downloadLog: openDownloadLog({ ...given, now: Date.now }),
  webhooks: openWebhookDirectory(given),
});

const openProcessing = (
  pool: Pool,
  log: Log,
  sole: boolean,
): Pick<
  Infra,
  'keyUses' | 'waiting' | 'limitShares' | 'slotShares' | 'reports' | 'requestLimits'
> => ({
  keyUses: openKeyUses({ pool, log }),
  waiting: openPostgresWaitingExecutions({ pool }),
  limitShares: openPostgresLimitShares({ pool }),
  slotShares: sole ? undefined : openPostgresSlotShares({ pool }),
  reports: openProcessReports({ pool }),
  requestLimits: sole ? undefined : openPostgresRequestLimits({ pool }),
});

const openProving = (
  pool: Pool,
  epoch: Epoch,
  { checkpointKey }: OpenInfraOptions,
): Pick<Infra, 'checkpointKey' | 'proofs'> => ({
  checkpointKey: signingSeed(checkpointKey),
  proofs: openPostgresProofStore({ pool, epoch }),
});

/** The SDK is loaded where it is wanted, and nowhere else. */
async function openTracing({ traces }: Config, log: Log): Promise<Tracing | undefined> {
  if (!traces) return undefined;
  const { openOtlpTracing } = await import('../infra/tracing/otlp.js');
  return openOtlpTracing(log);
}

/**
 * A process that runs nothing reads again only what callers repeat within moments: what it keeps
 * for longer costs the collector more than it spares the store.
 */
const RECENT_ONLY_REPEATED = { entriesMax: 2_000, bytesMax: 1024 * 1024 };

/** Opened when they are used: most roles use some of them. */
function openPools(url: string, log: Log) {
  const open = (applicationName: string, max: number, timeoutMs?: number): Pool =>
    openPool(url, { applicationName, max, log, ...(timeoutMs && { timeoutMs }) });
  const readPool = openReadPool(url, log);
  const processing = open('modelroute-processing', PROCESSING_CONNECTIONS_MAX);
  const models = {
    readStore: open('modelroute', READ_MODEL_CONNECTIONS_MAX),
    projecting: open('modelroute-projecting', PROJECTING_CONNECTIONS_MAX, BATCH_MS),
    rebuilding: open('modelroute-rebuilding', REBUILDING_CONNECTIONS_MAX, REBUILDING_MS),
    proving: open('modelroute-proving', PROVING_CONNECTIONS_MAX, BATCH_MS),
    exporting: open('modelroute-exporting', EXPORTING_CONNECTIONS_MAX, BATCH_MS),
  };
  const all = [readPool, processing, ...Object.values(models)];
  return { readPool, processing, models, closePools: () => Promise.all(all.map((p) => p.end())) };
}

/** Who calls shares the connections out itself, more fairly than first come first served. */
const CONNECTIONS_PER_HOST_MAX = 1_024;

/** Outputs of the sandbox are fetched wherever it is, from exactly where it is. */
function openCalls(config: Config, sandboxUrl: string | undefined) {
  const usual = {
    allowedNetworks: networksOf(config.allowedNetworks),
    connectionsPerHostMax: CONNECTIONS_PER_HOST_MAX,
  };
  const allowedOrigins = sandboxUrl === undefined ? [] : [new URL(sandboxUrl).origin];
  return {
    providers: openProviders({ credentials: (name) => config.credential(name) }),
    outbound: openOutbound(usual),
    downloads: openOutbound({ ...usual, allowedOrigins }),
  };
}

/** An empty list allows nothing private. */
function networksOf(list: string): AllowedNetworks {
  const parsed = parseCidrs(list);
  if (parsed.ok) return parsed.networks;
  throw new StartError(`MODELROUTE_ALLOW_PRIVATE_NETWORKS cannot be used: ${parsed.reason}`);
}

const END_MS = 1_000;

/** Answers what is to be warned of. */
async function migrateAll({
  databaseUrl,
  migrationsUrl,
  log,
}: OpenInfraOptions): Promise<readonly string[]> {
  const applicationName = `modelroute-migrate-${randomBytes(4).toString('hex')}`;
  const pool = openPool(migrationsUrl, { max: 1, applicationName, log, timeoutMs: 0 });
  const watched = { url: migrationsUrl, applicationName, log };
  try {
    const running = migrationsUrl === databaseUrl ? undefined : roleOf(databaseUrl);
    const migrated = migrateFor(pool, running, allMigrations);
    const { ran, isProtected } = await whileHeard(watched, migrated);
    if (ran.length > 0) log.info({ steps: ran.length }, 'the database schema is up to date');
    return isProtected ? [] : [UNPROTECTED];
  } catch (error) {
    throw isDatabaseTrouble(error) ? databaseTrouble(migrationsUrl, error) : error;
  } finally {
    // A connection that is silent never ends.
    await within(END_MS, pool.end());
  }
}

const UNPROTECTED =
  'The role of DATABASE_URL owns the log and could change it: set ' +
  'MODELROUTE_MIGRATIONS_DATABASE_URL to another role (docs/operate/postgresql-roles.md).';

/** Store figures are read when somebody looks, so that the hot path counts nothing twice. */
function watchStore(stores: Stores, metrics: Metrics): void {
  const { appendQueue } = metrics;
  const collect = () => {
    const { queueUnits, events, batches, unknownTypes, ...figures } = stores.figures();
    appendQueue.set(queueUnits);
    metrics.appendedEvents.reset();
    metrics.appendedEvents.inc(events);
    metrics.appendBatches.reset();
    metrics.appendBatches.inc(batches);
    metrics.subscriptionEnds.reset();
    for (const [cause, times] of Object.entries(figures.subscriptionEnds ?? {}))
      metrics.subscriptionEnds.inc({ cause }, times);
    for (const [type, times] of unknownTypes) {
      metrics.unknownEvents.remove({ type });
      metrics.unknownEvents.inc({ type }, times);
    }
  };
  Object.assign(appendQueue, { collect });
}
