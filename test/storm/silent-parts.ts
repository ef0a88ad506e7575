/**
 * A system behind proxies, each of which may fall silent: one before every part that it talks to,
 * before one provider and before the receiver of its webhooks. Everything that it talks to is
 * started here, and ends with the process.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startKafka } from '../../infra/event-bus/kafka/testing/broker.js';
import { startEventStoreDouble } from '../../infra/event-store/testing/double/double.js';
import { startVersitygw } from '../../infra/object-store/testing/versitygw.js';
import { freshDatabase } from '../../infra/postgres/testing/fresh-database.js';
import { atEnd } from '../../testing/at-end.js';
import { freePort } from '../../testing/free-port.js';
import { startReceiver, type Receiver } from '../../testing/receiver.js';
import { startSystem, type System } from '../../testing/system.js';
import { openTcpProxy, type Afterwards, type TcpProxy } from '../../testing/tcp-proxy.js';
import type { Fault } from '../cluster/faults.js';
import { writeStormCatalogue } from './catalogue.js';

/** Beside PostgreSQL, a provider and a receiver, which are always there. */
type Service = 'eventstore' | 'kafka' | 's3';

/** Of every process that works with the system. */
export const MASTER_KEY = 'm'.repeat(32);

export interface BehindProxies {
  readonly system: System;
  readonly receiver: Receiver;
  readonly receiverUrl: string;
  readonly proxies: ReadonlyMap<string, TcpProxy>;
  /** The way to PostgreSQL that no proxy is on. */
  readonly databaseUrl: string;
}

interface Options {
  readonly services: readonly Service[];
  /** Every role as processes of its own. */
  readonly cluster?: string;
}

export async function startBehindProxies(folder: string, options: Options): Promise<BehindProxies> {
  const { services, cluster } = options;
  const proxies = new Map<string, TcpProxy>();
  const before = async (name: string, target: string, port?: number): Promise<string> => {
    const proxy = await openTcpProxy(target, port);
    atEnd(() => proxy.close());
    proxies.set(name, proxy);
    return proxy.url;
  };
  // The first, because what it was not told is told again minutes later.
  const receiver = await startReceiver();
  const receiverUrl = await before('a receiver', receiver.url);
  const { url: databaseUrl } = await freshDatabase();
  const env: Record<string, string> = { DATABASE_URL: await before('postgresql', databaseUrl) };
  for (const service of services) Object.assign(env, await servers[service](folder, before));
  const sandboxPort = await freePort();
  const provider = await before('a provider', `http://127.0.0.1:${sandboxPort}`);
  const system = await startSystem({
    ...(cluster !== undefined && { cluster }),
    env: {
      ...env,
      MODELROUTE_MASTER_KEY: MASTER_KEY,
      MODELROUTE_SANDBOX_PORT: String(sandboxPort),
      MODELROUTE_CATALOGUE: await catalogueBehind(folder, provider),
    },
  });
  return { system, receiver, receiverUrl, proxies, databaseUrl };
}

/** One fault for each proxy, and for each way in which a silence ends. */
export const silencesOf = (
  proxies: ReadonlyMap<string, TcpProxy>,
  forMs: number,
  endings: readonly Afterwards[] = ['delivered', 'forgotten'],
): readonly Fault[] =>
  [...proxies].flatMap(([name, proxy]) =>
    endings.map((afterwards) => ({
      name: `${name} is silent for ${forMs / 1000} s, then ${afterwards}`,
      strike: () => proxy.silentFor(forMs, afterwards),
    })),
  );

type Before = (name: string, target: string, port?: number) => Promise<string>;
type Environment = Readonly<Record<string, string>>;

const servers: Readonly<Record<Service, (folder: string, before: Before) => Promise<Environment>>> =
  {
    async eventstore(folder, before) {
      const double = await startEventStoreDouble({ dir: join(folder, 'eventstore') });
      atEnd(() => double.close());
      return { EVENTSTORE_URL: await before('the event store', double.url) };
    },
    async kafka(folder, before) {
      const port = await freePort();
      const broker = await startKafka({ dir: join(folder, 'kafka'), advertise: port });
      await before('kafka', `tcp://${broker.brokers}`, port);
      return { KAFKA_BROKERS: `127.0.0.1:${port}` };
    },
    async s3(folder, before) {
      const server = await startVersitygw(join(folder, 's3'));
      atEnd(() => server.stop());
      const endpoint = await before('s3', server.endpoint);
      return { ...server.env, S3_ENDPOINT: endpoint.replace(/\/$/, '') };
    },
  };

/** One of the two companies whose models are routed to is reached by way of the proxy. */
async function catalogueBehind(folder: string, proxyUrl: string): Promise<string> {
  const file = await writeStormCatalogue(folder);
  const text = await readFile(file, 'utf8');
  const direct = '${SANDBOX_URL}/aurora';
  if (!text.includes(direct)) throw new Error('the catalogue has no provider aurora');
  await writeFile(file, text.replaceAll(direct, new URL('/aurora', proxyUrl).href));
  return file;
}
