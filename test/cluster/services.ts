/**
 * The servers that replicas talk to. One that the environment names already (DATABASE_URL,
 * EVENTSTORE_URL, KAFKA_BROKERS, S3_ENDPOINT) is used as it is; the others are started here.
 */
import { join } from 'node:path';
import type { Config } from '../../infra/config/config.js';
import { startEmbeddedPostgres } from '../../infra/postgres/embedded/embedded.js';
import { doubleProgram } from '../../infra/event-store/testing/double/program.js';
import { StartError } from '../../infra/start-error.js';
import { repositoryRoot } from '../../testing/child-process.js';
import { versitygwCommand } from '../../infra/object-store/testing/versitygw.js';
import { keepAlive, type PartOptions, type Surroundings } from './part.js';
import { steadyPort, type Service, type Setup } from './setup.js';

export interface Services {
  /** How replicas reach them. */
  readonly env: Readonly<Record<string, string>>;
}

type Undo = (() => Promise<unknown>)[];

/** How a server is started, and how replicas reach it then. */
interface Server {
  readonly part: Omit<PartOptions, 'name' | 'stopMs'>;
  readonly env: Readonly<Record<string, string>>;
}

/** Kafka takes its time. */
const STOP_MS = 10_000;

/** Throws `StartError` where one of them cannot be had. */
export async function startServices(
  setup: Setup,
  around: Surroundings,
  undo: Undo,
): Promise<Services> {
  const { config, services } = setup;
  const database = givenPostgres(config) ?? (await startPostgres(setup, around, undo));
  const isGiven: Readonly<Record<Service, boolean>> = {
    eventstore: config.eventStoreUrl !== undefined,
    kafka: config.kafkaBrokers !== undefined,
    s3: config.s3 !== undefined,
  };
  const wanted = [...services].filter((service) => !isGiven[service]);
  const starting = wanted.map(async (name) => {
    const { part, env } = await servers[name](setup);
    const kept = keepAlive({ name, ...part, stopMs: STOP_MS }, around);
    undo.push(() => kept.stop());
    await kept.started;
    around.log.info({ process: name }, `${name} is up on ${kept.address}`);
    return env;
  });
  const envs = await Promise.all(starting).catch((error: Error) => {
    throw missing(error);
  });
  return { env: Object.assign({}, database, ...envs) as Record<string, string> };
}

interface Postgres {
  /** As the role that runs. */
  readonly DATABASE_URL: string;
  readonly MODELROUTE_MIGRATIONS_DATABASE_URL: string;
}

function givenPostgres({ databaseUrl, migrationsDatabaseUrl }: Config): Postgres | undefined {
  if (databaseUrl === undefined) return undefined;
  const migrationsUrl = migrationsDatabaseUrl ?? databaseUrl;
  return { DATABASE_URL: databaseUrl, MODELROUTE_MIGRATIONS_DATABASE_URL: migrationsUrl };
}

async function startPostgres(
  { config }: Setup,
  { log }: Surroundings,
  undo: Undo,
): Promise<Postgres> {
  const { dataDir, postgresDir: pgDir } = config;
  const postgres = await startEmbeddedPostgres({ dataDir, pgDir, log });
  undo.push(() => postgres.stop());
  const { runningUrl, url } = postgres;
  return { DATABASE_URL: runningUrl, MODELROUTE_MIGRATIONS_DATABASE_URL: url };
}

const servers: Readonly<Record<Service, (setup: Setup) => Promise<Server>>> = {
  async eventstore({ config, env, folders }) {
    const port = await steadyPort(config.dataDir, 'eventstore');
    const dir = join(folders.own, 'eventstore');
    const args = [doubleProgram(), '--dir', dir, '--port', `${port}`];
    const ready = { in: (line: string) => /ready: (esdb:\S+)/.exec(line)?.[1] };
    return {
      part: { command: process.execPath, args, env, cwd: repositoryRoot, ready },
      env: { EVENTSTORE_URL: `esdb://127.0.0.1:${port}?tls=false` },
    };
  },
  async kafka({ config, env, folders }) {
    const port = await steadyPort(config.dataDir, 'kafka');
    const args = ['scripts/kafka.mjs', '--port', `${port}`, '--dir', join(folders.own, 'kafka')];
    const ready = { in: (line: string) => /is ready on (127\.0\.0\.1:\d+)/.exec(line)?.[1] };
    return {
      part: { command: process.execPath, args, env, cwd: repositoryRoot, ready },
      env: { KAFKA_BROKERS: `127.0.0.1:${port}` },
    };
  },
  async s3({ config, folders }) {
    const dir = join(folders.own, 's3');
    const program = await versitygwCommand(dir, await steadyPort(config.dataDir, 's3'));
    const { command, args, env, health } = program;
    const isUp = async () => (await fetch(health)).status === 200;
    return {
      part: { command, args, env: {}, cwd: dir, ready: { at: env['S3_ENDPOINT'] ?? '', isUp } },
      env,
    };
  },
};

function missing({ message }: Error): StartError {
  return new StartError(
    `${message}. MODELROUTE_CLUSTER=postgres runs all roles on PostgreSQL alone.`,
  );
}
