/**
 * The servers that replicas talk to. One that the environment names already (DATABASE_URL,
 * EVENTSTORE_URL, KAFKA_BROKERS, S3_ENDPOINT) is used as it is; the others are started here.
 */
import { join } from 'node:path';
import type { FileId } from '../../contracts/ids.js';
import { configFrom } from '../../infra/config/config.js';
import { startEmbeddedPostgres } from '../../infra/postgres/embedded.js';
import { openFiles } from '../../infra/open-files.js';
import { StartError } from '../../infra/start-error.js';
import { startEventStoreDouble } from '../eventstoredb-double/double.js';
import { startVersitygw } from '../support/versitygw.js';
import type { Surroundings } from './part.js';
import { keepServerAlive, type Server } from './server.js';
import { steadyPort, type Service, type Setup } from './setup.js';

export interface Services {
  /** How replicas reach them. */
  readonly env: Readonly<Record<string, string>>;
  /** Where a file lies, for people. */
  locationOf(id: FileId): string;
}

type Undo = (() => Promise<unknown>)[];

/** A server of ours, and how it is reached. */
interface Started {
  readonly server: Server;
  readonly env: Readonly<Record<string, string>>;
}

/** Throws `StartError` where one of them cannot be had. */
export async function startServices(
  setup: Setup,
  around: Surroundings,
  undo: Undo,
): Promise<Services> {
  const { config, services } = setup;
  const database = config.databaseUrl ?? (await startPostgres(setup, around, undo));
  const isGiven: Readonly<Record<Service, boolean>> = {
    eventstore: config.eventStoreUrl !== undefined,
    kafka: config.kafkaBrokers !== undefined,
    s3: config.s3 !== undefined,
  };
  const wanted = [...services].filter((service) => !isGiven[service]);
  const envs = await Promise.all(
    wanted.map(async (service) => {
      const { server, env } = await starters[service](setup).catch((error: Error) => {
        throw missing(error);
      });
      const kept = keepServerAlive(service, server, around);
      undo.push(() => kept.stop());
      around.log.info({ process: service, ...env }, `${service} is up`);
      return env;
    }),
  );
  const env = Object.assign({ DATABASE_URL: database }, ...envs) as Record<string, string>;
  return { env, locationOf: await locations(setup, env, wanted.includes('s3')) };
}

async function startPostgres(
  { config }: Setup,
  { log }: Surroundings,
  undo: Undo,
): Promise<string> {
  const { dataDir, postgresDir: pgDir } = config;
  const postgres = await startEmbeddedPostgres({ dataDir, pgDir, log });
  undo.push(() => postgres.stop());
  return postgres.url;
}

const starters: Readonly<Record<Service, (setup: Setup) => Promise<Started>>> = {
  async eventstore({ config, folders }) {
    const port = await steadyPort(config.dataDir, 'eventstore');
    const double = await startEventStoreDouble({ dir: join(folders.own, 'eventstore'), port });
    const { restart, close } = double;
    const server = {
      get pid() {
        return double.pid;
      },
      ...{ restart, stop: close },
    };
    return { server, env: { EVENTSTORE_URL: double.url } };
  },
  async kafka() {
    throw new Error('Kafka cannot be started yet');
  },
  async s3({ config, folders }) {
    const port = await steadyPort(config.dataDir, 's3');
    const server = await startVersitygw({ dir: join(folders.own, 's3'), port });
    return { server, env: server.env };
  },
};

/** Our own S3 server keeps a folder per bucket, so that a person can look at a picture. */
async function locations(
  { config, env: given, folders }: Setup,
  env: Readonly<Record<string, string>>,
  isOurs: boolean,
): Promise<Services['locationOf']> {
  const { s3 } = configFrom({ ...given, ...env });
  const { files, close } = await openFiles({ dataDir: config.dataDir, s3 });
  await close();
  const objects = join(folders.own, 's3');
  return (id) => {
    const location = files.locationOf(id);
    return isOurs ? location.replace(/^s3:\//, objects) : location;
  };
}

function missing({ message }: Error): StartError {
  return new StartError(
    `${message}. MODELROUTE_CLUSTER=postgres runs all roles on PostgreSQL alone.`,
  );
}
