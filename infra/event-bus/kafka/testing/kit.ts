/** The way of a notification for specs: store, relay, broker and bus, each of which may die. */
import { randomBytes, randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { pino } from 'pino';
import { freshDatabase } from '../../../postgres/testing/fresh-database.js';
import { FIRST_EPOCH } from '../../../event-store/identity.js';
import { eventStoreMigrations, processingMigrations } from '../../../migrations/all.js';
import { openPostgresEventStore } from '../../../event-store/postgres/postgres.js';
import type { EventStore } from '../../../event-store/port.js';
import { openPostgresLeases } from '../../../leases/postgres.js';
import type { Log } from '../../../logger.js';
import { openMetrics, type Metrics } from '../../../metrics.js';
import { migrate } from '../../../postgres/migrate.js';
import { openPool } from '../../../postgres/pool.js';
import { aborted } from '../../../concurrency/pause.js';
import type { CheckpointStore } from '../../../checkpoints/port.js';
import { openPostgresCheckpoints } from '../../../checkpoints/postgres.js';
import type { OpenedBus } from '../../testing/contract.js';
import { openKafkaBus, type KafkaBusOptions } from '../bus.js';
import { openKafkaClient } from '../client.js';
import { openPostgresProcessedPositions, type ProcessedPositions } from '../processed-positions.js';
import { openRelay } from '../relay.js';
import type { KafkaClient } from '../transport.js';

export interface Stage {
  readonly store: EventStore;
  readonly checkpoints: CheckpointStore;
  readonly processed: ProcessedPositions;
  readonly client: KafkaClient;
  readonly prefix: string;
  readonly metrics: Metrics;
  readonly logged: string[];
  /** Another process of the same installation: its own connections to Kafka and holder's name. */
  openBus(options?: Partial<KafkaBusOptions>): KafkaProcess;
  startRelay(options?: RelayReads): RelayProcess;
  close(): Promise<void>;
}

interface RelayReads {
  readonly checkpoints?: CheckpointStore;
  readonly store?: EventStore;
}

export interface KafkaProcess extends OpenedBus {
  readonly client: KafkaClient;
}

export interface RelayProcess {
  stop(): Promise<void>;
  /** Ends it as `kill -9` would: nothing is sent, saved or released any more. */
  kill(): void;
}

/** What takes seconds in production takes tenths here. */
const SHORT_TIMES = {
  reconciliation: { everyMs: 100, lateMs: 500, stalledMs: 3_000 },
  standstillMs: 2_000,
  partitions: 3,
};
/** The shortest that the broker of the specs allows. */
const SESSION_TIMEOUT_MS = 1_500;

export async function openStage(brokers: string): Promise<Stage> {
  const database = await freshDatabase();
  const { url } = database;
  const prefix = `spec-${randomBytes(4).toString('hex')}`;
  const logged: string[] = [];
  const write = (line: string) => void logged.push(line);
  const log = pino({ level: 'warn', base: null }, { write });
  const pool = openPool(url, { max: 8, applicationName: 'modelroute-spec', log });
  await migrate(pool, [...eventStoreMigrations, ...processingMigrations]);
  const store = openPostgresEventStore({ url, log });
  const checkpoints = openPostgresCheckpoints({ pool });
  const processed = openPostgresProcessedPositions({ pool });
  const leases = openPostgresLeases({ pool });
  const metrics = openMetrics();
  const openClient = () => clientOf(brokers, log);
  const client = openClient();
  const endings: (() => Promise<void>)[] = [];
  let closed = false;
  const common = { store, log, metrics, epoch: FIRST_EPOCH, prefix, ...SHORT_TIMES };
  return {
    store,
    checkpoints,
    processed,
    client,
    prefix,
    metrics,
    logged,
    openBus: (options = {}) => {
      const lease = { leases, holder: randomUUID() };
      const { client: own = openClient(), ...rest } = options;
      const opened = openMortal({ ...common, checkpoints, processed, lease, ...rest }, own);
      endings.push(() => opened.close());
      return opened;
    },
    startRelay: (options = {}) => {
      const own = openClient();
      const lease = { leases, holder: randomUUID() };
      const death = new AbortController();
      const stop = new AbortController();
      const severed = severable(options.checkpoints ?? checkpoints, death.signal);
      const mortal = { leases: severable(leases, death.signal), holder: lease.holder };
      const mine = { client: own, checkpoints: severed, lease: mortal };
      const relay = openRelay({ ...common, store: options.store ?? store, ...mine });
      const running = relay.run(stop.signal);
      const end = async () => {
        stop.abort();
        if (!death.signal.aborted) await running;
        own.close();
      };
      endings.push(end);
      const kill = () => {
        death.abort();
        own.close();
        stop.abort();
      };
      return { stop: end, kill };
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await Promise.all(endings.map((end) => end()));
      client.close();
      await store.close();
      await pool.end();
      await database.drop();
    },
  };
}

/** What an operator does to a broker. */
export interface Operator {
  deleteTopic(topic: string): Promise<void>;
  /** Of a group without members. */
  resetOffsets(groupId: string, topic: string): Promise<void>;
  close(): Promise<void>;
}

export function openOperator(brokers: string): Operator {
  const kafka = new Kafka({ brokers: [brokers], clientId: 'operator', logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  let connected: Promise<void> | undefined;
  const connect = () => (connected ??= admin.connect());
  return {
    deleteTopic: async (topic) => {
      await connect();
      await admin.deleteTopics({ topics: [topic] });
    },
    resetOffsets: async (groupId, topic) => {
      await connect();
      await admin.resetOffsets({ groupId, topic, earliest: true });
    },
    close: async () => {
      if (connected) await admin.disconnect();
    },
  };
}

const clientOf = (brokers: string, log: Log): KafkaClient =>
  openKafkaClient({
    brokers: [brokers],
    clientId: 'spec',
    log,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
  });

function openMortal(options: Omit<KafkaBusOptions, 'client'>, client: KafkaClient): KafkaProcess {
  const death = new AbortController();
  const sever = <T extends object>(inner: T): T => severable(inner, death.signal);
  const { leases, holder } = options.lease;
  const bus = openKafkaBus({
    ...options,
    client,
    checkpoints: sever(options.checkpoints),
    processed: sever(options.processed),
    lease: { leases: sever(leases), holder },
  });
  return {
    client,
    bus: {
      ...bus,
      run: async (group, signal) => {
        const ended = bus.run(group, AbortSignal.any([signal, death.signal]));
        ended.catch(() => undefined);
        await Promise.race([ended, aborted(death.signal)]);
      },
    },
    crash: async () => {
      death.abort();
      client.close();
    },
    close: async () => {
      await bus.close();
      client.close();
    },
  };
}

/** After the death no call is made any more, and none is answered. */
function severable<T extends object>(inner: T, death: AbortSignal): T {
  return new Proxy(inner, {
    get(target, name): unknown {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown =>
        death.aborted ? new Promise(() => undefined) : Reflect.apply(value, target, args);
    },
  });
}
