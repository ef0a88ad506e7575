/**
 * One process: a list of apps over one infrastructure.
 *
 *   lock the data folder → database → sandbox → infrastructure → HTTP → workers → ready → demo
 *
 * A signal runs it backwards: HTTP finishes what is in flight, workers drain, the database stops.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { hostname } from 'node:os';
import { commandRoutes } from '../../command-api/app.js';
import { aborted, within } from '../../infra/concurrency/pause.js';
import { ROLES, type Config } from '../../infra/config/config.js';
import { openAuthenticator } from '../../http/server/auth.js';
import { guidePages } from '../../http/server/guides/guide-pages.js';
import { documentMount } from '../../http/server/openapi/openapi.js';
import { referencePages } from '../../http/server/openapi/reference-pages.js';
import { openRateLimits } from '../../http/server/rate-limits.js';
import { serveRoutes, type HttpServer } from '../../http/server/serve-routes.js';
import type { Infra } from '../../runtime/infra.js';
import type { Worker } from '../../infra/worker.js';
import { openLog, type Log } from '../../infra/logger.js';
import { collectWhenIdle } from '../../runtime/collect-when-idle.js';
import { openInfra, type OpenedInfra } from '../../runtime/open-infra.js';
import { openSignedLog } from '../../infra/proof-store/signed-log.js';
import { lockDataDir } from '../../infra/postgres/embedded/data-dir-lock.js';
import { startEmbeddedPostgres } from '../../infra/postgres/embedded/embedded.js';
import { makeFolder } from '../../infra/make-folder.js';
import { StartError, folderTrouble } from '../../infra/start-error.js';
import { supervise } from '../../runtime/supervise.js';
import { processorWorkers } from '../../processors/app.js';
import { relayWorkers } from '../../processors/event-relay/event-relay.js';
import { projectorWorkers } from '../../projectors/app.js';
import { checkpointKeyPage } from '../../query-api/audit/checkpoint-key-page.js';
import { queryRoutes } from '../../query-api/app.js';
import { startSandbox } from '../../sandbox/server.js';
import { withDemo } from './demo.js';
import { keysOf, type Keys } from './keys.js';
import {
  failingDependencies,
  guardedMetrics,
  healthMounts,
  openMetricsPage,
  type Phase,
} from './mounts.js';
import { doubtsAboutRoles, requireForRoles } from './roles.js';

/** Resolves after `signal` aborted and everything was stopped; throws `StartError` before that. */
export async function serve(config: Config, signal: AbortSignal): Promise<void> {
  const log = openLog(config.logLevel, process.stdout.isTTY);
  const undo: (() => Promise<void>)[] = [];
  try {
    await run(config, log, signal, undo);
  } finally {
    for (const step of undo.toReversed())
      await step().catch((err: unknown) => log.error({ err }, 'a step of stopping failed'));
  }
}

type Undo = (() => Promise<void>)[];

/**
 * Containers that share their host's network share its name too, and the pid in each is 1; two
 * living processes of one name would take each other's leases away for ever.
 */
const livingName = (): string => `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`;

async function run(config: Config, log: Log, signal: AbortSignal, undo: Undo): Promise<void> {
  await ownDataDir(config, undo);
  const keys = await keysOf(config);
  if (onlySandbox(config)) return serveSandboxAlone(config, log, signal, undo);
  requireForRoles(config);
  for (const doubt of doubtsAboutRoles(config)) log.warn(doubt);
  const urls = externalUrls(config) ?? (await embedded(config, log, undo));
  const sandboxUrl = await sandboxOf(config, log, undo);
  const sole = config.databaseUrl === undefined;
  const instance = sole ? 'all-in-one' : livingName();
  const { masterKey, checkpointKey } = keys;
  const opening = openInfra({
    config,
    log,
    ...urls,
    masterKey,
    checkpointKey,
    sandboxUrl,
    instance,
    sole,
  });
  const opened = await orStopped(opening, signal);
  if (!opened) return log.info('stopped before it was ready');
  undo.push(async () => void (await within(CLOSE_MS, opened.close())));
  const { infra } = opened;
  const endCollecting = collectWhenIdle(log);
  undo.push(async () => endCollecting());
  let isReady = false;
  const phase = (): Phase => (signal.aborted ? 'stopping' : isReady ? undefined : 'starting');
  const server = await listen(infra, keys, phase);
  infra.addresses.listensOn(server.port);
  await listenForScrapers(infra, undo);
  for (const warning of opened.warnings) log.warn(warning);
  const http: Worker = { name: 'http', run: (stop) => untilStopped(server, stop) };
  const broken = new AbortController();
  const stop = AbortSignal.any([signal, broken.signal]);
  const running = supervise([http, ...workersOf(infra)], stop, log);
  const baseUrl = `http://127.0.0.1:${server.port}`;
  const onReady = () => {
    isReady = true;
    log.info(`ModelRoute is ready on ${baseUrl}`);
  };
  try {
    const begun = { infra, keys, baseUrl, sandboxUrl, onReady };
    await Promise.race([running, announce(begun, stop)]);
  } catch (error) {
    broken.abort();
    await Promise.allSettled([running]);
    throw error;
  }
  await running;
  log.info('stopped');
}

/** Behind the drain, within the ten seconds of running.md. A silent part is not waited for. */
const CLOSE_MS = 1_400;

/**
 * Undefined when the signal comes first: nothing was accepted yet, and a part that is silent would
 * only be waited for. What is open by then ends with the process.
 */
async function orStopped(
  opening: Promise<OpenedInfra>,
  signal: AbortSignal,
): Promise<OpenedInfra | undefined> {
  const over = new AbortController();
  opening.catch(() => undefined).finally(() => over.abort());
  await aborted(AbortSignal.any([signal, over.signal]));
  return signal.aborted ? undefined : opening;
}

async function ownDataDir({ dataDir }: Config, undo: Undo): Promise<void> {
  try {
    await makeFolder(dataDir, 0o700);
    const lock = await lockDataDir(dataDir);
    undo.push(() => lock.release());
  } catch (error) {
    throw folderTrouble(error, dataDir);
  }
}

interface Urls {
  readonly databaseUrl: string;
  readonly migrationsUrl: string;
}

function externalUrls({ databaseUrl, migrationsDatabaseUrl }: Config): Urls | undefined {
  if (databaseUrl === undefined) return undefined;
  const migrationsUrl = migrationsDatabaseUrl ?? databaseUrl;
  return { databaseUrl, migrationsUrl };
}

async function embedded(config: Config, log: Log, undo: Undo): Promise<Urls> {
  const { dataDir, postgresDir: pgDir } = config;
  log.info('starting PostgreSQL');
  const postgres = await startEmbeddedPostgres({ dataDir, pgDir, log });
  undo.push(() => postgres.stop());
  return { databaseUrl: postgres.runningUrl, migrationsUrl: postgres.url };
}

const onlySandbox = ({ roles }: Config) => roles.size === 1 && roles.has('sandbox');

/** Our own when the role is here, another process's when it is named, else none. */
async function sandboxOf(config: Config, log: Log, undo: Undo): Promise<string | undefined> {
  if (!config.roles.has('sandbox')) return config.sandboxUrl;
  const dir = join(config.dataDir, 'sandbox');
  await makeFolder(dir, 0o755);
  const sandbox = await orPortTrouble(
    startSandbox({ port: config.sandboxPort, host: config.sandboxHost, dir }),
    'MODELROUTE_SANDBOX_PORT',
    config.sandboxPort,
  );
  undo.push(() => sandbox.close());
  log.info(`the sandbox provider listens on ${sandbox.url}`);
  return sandbox.url;
}

async function serveSandboxAlone(
  config: Config,
  log: Log,
  signal: AbortSignal,
  undo: Undo,
): Promise<void> {
  const url = await sandboxOf(config, log, undo);
  log.info(`ModelRoute is ready on ${url}`);
  await aborted(signal);
}

async function listen(infra: Infra, keys: Keys, phase: () => Phase): Promise<HttpServer> {
  const { config, keyUses, log, metrics, now } = infra;
  const commands = commandRoutes(infra);
  const queries = queryRoutes(infra);
  const api = [...commands, ...queries];
  const served = [
    ...(config.roles.has('command-api') ? commands : []),
    ...(config.roles.has('query-api') ? queries : []),
  ];
  return orPortTrouble(
    serveRoutes({
      routes: served,
      elsewhere: api.filter((route) => !served.includes(route)),
      // Every process describes the whole API, of which others may serve a part.
      mounts: [
        ...healthMounts(infra, phase),
        guardedMetrics(infra, keys),
        documentMount(api, config.publicUrl),
        checkpointKeyPage(infra, openSignedLog(infra)),
      ],
      pages: [referencePages(), guidePages(infra.addresses)],
      tracing: infra.tracing,
      rateLimits: openRateLimits({
        quotas: infra.quotas,
        usual: config.requestRate,
        shared: infra.requestLimits,
        log,
      }),
      authenticator: openAuthenticator({ ...infra, adminKey: keys.adminKey, uses: keyUses }),
      proxies: config.trustedProxies,
      log,
      metrics,
      now,
      port: config.port,
    }),
    'PORT',
    config.port,
  );
}

/** On loopback: who is elsewhere brings a key to the public port. */
async function listenForScrapers(infra: Infra, undo: Undo): Promise<void> {
  const { config, log, metrics, now } = infra;
  const { metricsPort: port } = config;
  if (port === undefined) return;
  const server = await orPortTrouble(
    serveRoutes({
      routes: [],
      mounts: [openMetricsPage(infra)],
      authenticator: openAuthenticator({ ...infra, adminKey: undefined }),
      log,
      metrics,
      now,
      port,
      host: '127.0.0.1',
    }),
    'MODELROUTE_METRICS_PORT',
    port,
  );
  undo.push(() => server.close());
  log.info(`figures are served on http://127.0.0.1:${server.port}/metrics`);
}

function workersOf(infra: Infra): Worker[] {
  const { roles } = infra.config;
  return [
    ...(roles.has('relay') ? relayWorkers(infra) : []),
    ...(roles.has('projectors') ? projectorWorkers(infra) : []),
    ...(roles.has('processors') ? processorWorkers(infra) : []),
  ];
}

async function untilStopped(server: HttpServer, signal: AbortSignal): Promise<void> {
  await aborted(signal);
  await server.close();
}

interface Begun {
  readonly infra: Infra;
  readonly keys: Keys;
  readonly baseUrl: string;
  readonly sandboxUrl: string | undefined;
  readonly onReady: () => void;
}

/** Ready once all that it needs is there and a new data folder has its keys; then the demo runs. */
async function announce(begun: Begun, signal: AbortSignal): Promise<void> {
  const { infra, keys, baseUrl, sandboxUrl, onReady } = begun;
  const { config, log } = infra;
  while (!signal.aborted && (await failingDependencies(infra)).length > 0)
    await new Promise((resolve) => setTimeout(resolve, 50));
  if (signal.aborted) return;
  const isWanted = config.demo && ROLES.every((role) => role === 'relay' || config.roles.has(role));
  if (!isWanted) return onReady();
  const { dataDir } = config;
  const { adminKey } = keys;
  const isTerminal = process.stdout.isTTY;
  await withDemo({ baseUrl, adminKey, sandboxUrl, dataDir, log, isTerminal }, onReady);
}

async function orPortTrouble<T>(opening: Promise<T>, name: string, port: number): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new StartError(
        `Port ${port} is in use: set ${name} to another one (0 picks a free one).`,
      );
    if (code === 'EACCES')
      throw new StartError(
        `Port ${port} may not be opened by this user: set ${name} to another one.`,
      );
    throw error;
  }
}
