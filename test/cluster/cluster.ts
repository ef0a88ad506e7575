/**
 * Everything that a machine can hold of what many would: PostgreSQL, an event store, Kafka, an S3
 * store, the sandbox, replicas of every role, and the balancer before them.
 *
 *   lock the folder → end leftovers → services → sandbox → replicas → balancer → ready → demo
 *
 * A signal runs it backwards: the balancer finishes what is in flight while what works behind it
 * drains, then the APIs, then the services, the database last.
 */
import { mkdir } from 'node:fs/promises';
import { withDemo } from '../../cli/serve/demo.js';
import { keysOf, type Keys } from '../../cli/serve/keys.js';
import { aborted } from '../../infra/concurrency/pause.js';
import type { Role } from '../../infra/config/config.js';
import { openLog, type Log } from '../../infra/logger.js';
import { lockDataDir } from '../../infra/postgres/embedded/data-dir-lock.js';
import { StartError } from '../../infra/start-error.js';
import { startBalancer, type Balancer } from './balancer/balancer.js';
import { forwardLines } from './forward-lines.js';
import type { Surroundings } from './part.js';
import { endLeftovers, openPidFiles, watchOver } from './pid-files.js';
import { removeEnvironmentFile, writeEnvironmentFile } from './environment-file.js';
import { startReplicas, type RolePart } from './replicas.js';
import { startServices, type Services } from './services.js';
import { refuseOtherServices, steadyPort, type Setup } from './setup.js';

type Undo = (() => Promise<unknown>)[];

/** Resolves after `signal` aborted and everything was stopped; throws `StartError` before that. */
export async function runCluster(setup: Setup, signal: AbortSignal): Promise<void> {
  const log = openLog(setup.config.logLevel, process.stdout.isTTY);
  const undo: Undo = [];
  try {
    await Promise.race([start(setup, log, signal, undo), aborted(signal)]);
    await aborted(signal);
  } finally {
    for (const step of undo.toReversed())
      await step().catch((err: unknown) => log.error({ err }, 'a step of stopping failed'));
  }
  log.info('stopped');
}

async function start(setup: Setup, log: Log, signal: AbortSignal, undo: Undo): Promise<void> {
  const { config, folders } = setup;
  const lock = await lockDataDir(config.dataDir);
  undo.push(() => lock.release());
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
  await refuseOtherServices(setup);
  const left = await endLeftovers(folders.pids);
  if (left.length > 0) log.info({ left }, 'ended what a killed cluster had left running');
  watchOver(folders.pids);
  const around: Surroundings = {
    pidFiles: openPidFiles(folders.pids),
    holdsDir: folders.holds,
    log,
    onLine: forwardLines(log),
  };
  const keys = await keysOf(config);
  const services = await startServices(setup, around, undo);
  // Replicas name it in URLs, so it is known before they start.
  const port = config.port || (await steadyPort(config.dataDir, 'balancer'));
  const own = {
    MODELROUTE_TRUSTED_PROXIES: '127.0.0.1,::1',
    MODELROUTE_PUBLIC_URL: config.publicUrl ?? `http://127.0.0.1:${port}`,
    ...(config.filesUrl !== undefined && { MODELROUTE_FILES_URL: config.filesUrl }),
    MODELROUTE_ADMIN_KEY: keys.adminKey,
    MODELROUTE_MASTER_KEY: keys.masterKey,
  };
  const env = await sharedEnvironment(setup, own, services, around, undo);
  if (signal.aborted) return;
  const replicas = await startAll(setup, env, around, undo);
  const balancer = await listen(port, replicas);
  await writeEnvironmentFile(config.dataDir, { ...env, PORT: String(balancer.port) });
  undo.push(() => stopInOrder(balancer, replicas));
  await Promise.all(replicas.map(({ started }) => started)).catch((error: Error) => {
    throw signal.aborted ? error : new StartError(error.message);
  });
  await announce(setup, keys, { balancer, sandboxUrl: env['SANDBOX_URL'] }, log, signal);
}

/** The environment that every replica has; commands read it from the data folder. */
async function sharedEnvironment(
  setup: Setup,
  given: Readonly<Record<string, string>>,
  services: Services,
  around: Surroundings,
  undo: Undo,
): Promise<Readonly<Record<string, string>>> {
  const { config } = setup;
  const own = { ...services.env, ...given };
  const port = config.sandboxPort || (await steadyPort(config.dataDir, 'sandbox'));
  const ofSandbox = { ...own, MODELROUTE_SANDBOX_PORT: String(port) };
  const [sandbox] = await startReplicas(setup, 'sandbox', ofSandbox, around);
  if (sandbox) undo.push(() => sandbox.stop());
  await sandbox?.started.catch((error: Error) => {
    throw new StartError(error.message);
  });
  const env = { ...own, SANDBOX_URL: `http://127.0.0.1:${port}` };
  await writeEnvironmentFile(config.dataDir, env);
  undo.push(() => removeEnvironmentFile(config.dataDir));
  return env;
}

async function startAll(
  setup: Setup,
  env: Readonly<Record<string, string>>,
  around: Surroundings,
  undo: Undo,
): Promise<readonly RolePart[]> {
  const roles: Role[] = ['command-api', 'query-api', 'processors', 'projectors'];
  // In process there is nothing to carry.
  if (env['KAFKA_BROKERS']) roles.push('relay');
  const replicas: RolePart[] = [];
  undo.push(() => Promise.all(replicas.map((replica) => replica.stop())));
  for (const role of roles) replicas.push(...(await startReplicas(setup, role, env, around)));
  return replicas;
}

async function listen(port: number, replicas: readonly RolePart[]): Promise<Balancer> {
  try {
    return await startBalancer({ port, replicas });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') throw error;
    throw new StartError(`Port ${port} is in use: set PORT to another one (0 picks a free one).`);
  }
}

const isApi = ({ role }: RolePart) => role === 'command-api' || role === 'query-api';

/** What reacts stops with the door; the APIs live until nobody is in it any more. */
async function stopInOrder(balancer: Balancer, replicas: readonly RolePart[]): Promise<void> {
  const stop = (some: readonly RolePart[]) => Promise.all(some.map((replica) => replica.stop()));
  const behind = stop(replicas.filter((replica) => !isApi(replica)));
  await balancer.close();
  await stop(replicas.filter(isApi));
  await behind;
}

const READY_POLL_MS = 50;

interface Running {
  readonly balancer: Balancer;
  readonly sandboxUrl: string | undefined;
}

/** The ready line, once every role is ready, and the demo on a new data folder. */
async function announce(
  { config }: Setup,
  { adminKey }: Keys,
  { balancer, sandboxUrl }: Running,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted && balancer.unready().length > 0)
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  if (signal.aborted) return;
  const baseUrl = `http://127.0.0.1:${balancer.port}`;
  const { dataDir } = config;
  log.info(`commands find this cluster with MODELROUTE_DATA_DIR=${dataDir}`);
  const onReady = () => log.info(`ModelRoute is ready on ${baseUrl}`);
  if (!config.demo) return onReady();
  const isTerminal = process.stdout.isTTY;
  await withDemo({ baseUrl, adminKey, sandboxUrl, dataDir, log, isTerminal }, onReady);
}
