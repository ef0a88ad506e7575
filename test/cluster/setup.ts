/** What `make cluster` is told, and where it keeps things. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { configFrom, type Config } from '../../infra/config/config.js';
import { pointerName } from '../../infra/postgres/embedded/pointer.js';
import { StartError } from '../../infra/start-error.js';

/** Beside PostgreSQL, which is always there. */
export type Service = 'eventstore' | 'kafka' | 's3';

export interface Setup {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly services: ReadonlySet<Service>;
  readonly folders: Folders;
}

export interface Folders {
  /** Of the cluster itself, below the data folder. */
  readonly own: string;
  readonly pids: string;
  readonly holds: string;
  readonly replicas: string;
}

const SERVICES: readonly Service[] = ['eventstore', 'kafka', 's3'];

/** Throws `StartError` for what cannot be meant. */
export function setupFrom(env: NodeJS.ProcessEnv): Setup {
  const services = servicesFrom(env['MODELROUTE_CLUSTER']);
  const given = configFrom(env);
  const dataDir = env['MODELROUTE_DATA_DIR'] ? given.dataDir : freeOf(given.dataDir, services);
  const own = join(dataDir, 'cluster');
  const folders = {
    own,
    pids: join(own, 'pids'),
    holds: join(own, 'holds'),
    replicas: join(own, 'replicas'),
  };
  return { config: { ...given, dataDir }, env, services, folders };
}

function servicesFrom(text = 'full'): ReadonlySet<Service> {
  if (text === '' || text === 'full') return new Set(SERVICES);
  if (text === 'postgres') return new Set();
  const names = text.split(',').map((name) => name.trim());
  for (const name of names)
    if (!SERVICES.includes(name as Service))
      throw new StartError(
        `MODELROUTE_CLUSTER names '${name}': use 'full', 'postgres' (PostgreSQL alone) or a ` +
          `comma list of ${SERVICES.join(', ')}.`,
      );
  return new Set(names as Service[]);
}

/** Unless it was named, a folder of `make start` is left to it. */
function freeOf(dataDir: string, services: ReadonlySet<Service>): string {
  return services.size > 0 && isOfOneProcess(dataDir) ? resolve(dataDir, 'cluster') : dataDir;
}

const isOfOneProcess = (dataDir: string): boolean =>
  existsSync(join(dataDir, pointerName)) && !existsSync(join(dataDir, 'cluster', 'services.json'));

/**
 * Events, files and deliveries lie in the services that a folder was begun with. Only PostgreSQL
 * alone goes on with what one process began, and the other way round: there they lie in the same
 * places.
 */
export async function refuseOtherServices({ config, services, folders }: Setup): Promise<void> {
  const { dataDir } = config;
  if (isOfOneProcess(dataDir) && services.size > 0)
    throw new StartError(
      `The data folder ${dataDir} was made by 'make start', with everything in PostgreSQL: set ` +
        'MODELROUTE_CLUSTER=postgres to go on with it, or MODELROUTE_DATA_DIR to another folder.',
    );
  const file = join(folders.own, 'services.json');
  const begun = existsSync(file) && (JSON.parse(await readFile(file, 'utf8')) as Service[]);
  const wanted = SERVICES.filter((name) => services.has(name));
  if (begun && begun.join() !== wanted.join())
    throw new StartError(
      `The data folder ${dataDir} was begun with MODELROUTE_CLUSTER=${begun.join() || 'postgres'}` +
        ': start with that again, or set MODELROUTE_DATA_DIR to another folder.',
    );
  if (!begun) await writeFile(file, `${JSON.stringify(wanted)}\n`, { flush: true });
}

const PORT_MIN = 20_000;
const PORTS = 12_000;

/**
 * A port that a service keeps over restarts: below those that the system hands out, so that nobody
 * takes it while its owner is away, and the same one for the same folder where that is possible.
 */
export async function steadyPort(dataDir: string, name: string): Promise<number> {
  const seed = createHash('sha1').update(`${dataDir} ${name}`).digest().readUInt32BE(0);
  for (let tries = 0; tries < 100; tries += 1) {
    const port = PORT_MIN + ((seed + tries * 7) % PORTS);
    if (await isFree(port)) return port;
  }
  throw new StartError(`There is no free port for ${name} on 127.0.0.1.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      server.close(() => done(true)),
    );
  });
}
