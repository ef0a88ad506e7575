/**
 * What the bus asks of Kafka, by the Kafka client (kafkajs 2, no longer maintained: ADR 16 names
 * its successor), which only this file, `life.ts`, `idle-timers.ts` and `transactions.ts` know.
 *
 * A sender takes a new producer after any failed send: the old one would use its sequence number
 * again, and the broker would drop the next record as a repetition while the send succeeds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Partitioners,
  type Admin,
  type Consumer,
  type EachBatchPayload,
  type Producer,
} from 'kafkajs';
import { disconnected, openLife, within, type Life, type LifeOptions } from './life.js';
import { PARTITIONS } from './names.js';
import type {
  ConsumeOptions,
  Consumption,
  KafkaClient,
  PartitionEnd,
  PartitionOffset,
  Sender,
} from './transport.js';

export interface KafkaClientOptions extends Pick<LifeOptions, 'brokers' | 'clientId' | 'log'> {
  /** How long a consumer that was killed keeps its partitions. */
  readonly sessionTimeoutMs?: number;
}

const SESSION_TIMEOUT_MS = 8_000;
const HEARTBEATS_PER_SESSION = 3;
/** A fetch is answered as soon as there is data: this only bounds how late a stop is noticed. */
const FETCH_WAIT_MS = 2_500;
/** About a thousand messages: no more than a few milliseconds of decoding at one time. */
const FETCH_BYTES_PER_PARTITION = 128 * 1024;
/** After a few messages the next fetch waits for more: a request for each would cost too much. */
const GATHER_MS = 50;
/** So many messages of one partition are fetched without waiting for more. */
const GATHERED = 32;
/** How long a request may take, connecting included. */
const ANSWER_MS = 4_000;

export function openKafkaClient(options: KafkaClientOptions): KafkaClient {
  const lives = new Set<Life>();
  const open = () => openLife(options, lives);
  const admin = sharedAdmin(open);
  return {
    ensureTopics: (topics, partitions) =>
      admin((asked) => createMissing(asked, topics, partitions)),
    ends: (topics) => admin((asked) => endsOf(asked, topics)),
    committed: (groupId, topics) => admin((asked) => committedOf(asked, groupId, topics)),
    ping: () => admin(async (asked) => void (await asked.describeCluster())),
    openSender: () => openSender(open),
    consume: (consuming) => consume(open(), options, consuming),
    close: () => {
      for (const life of lives) life.end();
    },
  };
}

/** One connection for all questions, opened with the first and again after a failure. */
function sharedAdmin(open: () => Life) {
  let opened: { readonly life: Life; readonly admin: Promise<Admin> } | undefined;
  const connected = (life: Life) => {
    const admin = life.kafka.admin();
    admin.on('admin.network.request_timeout', life.hangUp);
    return admin.connect().then(() => admin);
  };
  return async <T>(ask: (admin: Admin) => Promise<T>): Promise<T> => {
    if (!opened || opened.life.ended) {
      const life = open();
      opened = { life, admin: connected(life) };
    }
    const { life, admin } = opened;
    try {
      return await within(ANSWER_MS, admin.then(ask));
    } catch (error) {
      life.end();
      throw error;
    }
  };
}

async function createMissing(admin: Admin, topics: readonly string[], partitions: number) {
  const there = new Set(await admin.listTopics());
  const missing = topics.filter((topic) => !there.has(topic));
  if (missing.length === 0) return;
  await admin.createTopics({
    waitForLeaders: true,
    topics: missing.map((topic) => ({ topic, numPartitions: partitions, replicationFactor: -1 })),
  });
}

async function endsOf(admin: Admin, topics: readonly string[]): Promise<PartitionEnd[]> {
  const asked = topics.map(async (topic) =>
    (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({
      topic,
      partition,
      low: BigInt(low),
      high: BigInt(high),
    })),
  );
  return (await Promise.all(asked)).flat();
}

async function committedOf(
  admin: Admin,
  groupId: string,
  topics: readonly string[],
): Promise<PartitionOffset[]> {
  const committed = await admin.fetchOffsets({ groupId, topics: [...topics] });
  return committed.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset, metadata }) => ({
      topic,
      partition,
      offset: BigInt(offset),
      note: metadata ?? '',
    })),
  );
}

function openSender(open: () => Life): Sender {
  let opened: { readonly life: Life; readonly producer: Promise<Producer> } | undefined;
  const connected = (life: Life) => {
    const producer = life.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
    });
    producer.on('producer.network.request_timeout', life.hangUp);
    return producer.connect().then(() => producer);
  };
  return {
    send: async (topics) => {
      if (!opened || opened.life.ended) {
        const life = open();
        opened = { life, producer: connected(life) };
      }
      const { life, producer } = opened;
      const topicMessages = [...topics].map(([topic, messages]) => ({
        topic,
        messages: [...messages],
      }));
      try {
        await (await producer).sendBatch({ acks: -1, topicMessages });
      } catch (error) {
        life.end();
        throw error;
      }
    },
    close: async () => {
      if (!opened) return;
      const { life, producer } = opened;
      if (!life.ended) await disconnected(producer.then((connection) => connection.disconnect()));
      life.end();
    },
  };
}

function consume(
  life: Life,
  { sessionTimeoutMs = SESSION_TIMEOUT_MS }: KafkaClientOptions,
  options: ConsumeOptions,
): Consumption {
  const { groupId, topics } = options;
  const beatMs = Math.ceil(sessionTimeoutMs / HEARTBEATS_PER_SESSION);
  const consumer = life.kafka.consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: sessionTimeoutMs,
    heartbeatInterval: beatMs,
    maxWaitTimeInMs: Math.min(FETCH_WAIT_MS, beatMs),
    maxBytesPerPartition: FETCH_BYTES_PER_PARTITION,
    minBytes: 1,
    allowAutoTopicCreation: false,
  });
  consumer.on('consumer.network.request_timeout', life.hangUp);
  const crashed = new Promise<unknown>((resolve) => {
    consumer.on('consumer.crash', ({ payload }) => resolve(payload.error));
  });
  consumer.on('consumer.group_join', ({ payload }) => options.onAssigned(payload.memberAssignment));
  consumer.on('consumer.rebalancing', () => options.onRebalancing());
  const gather = gathering();
  const start = async () => {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // The partitions of one fetch side by side, so that they gather messages together.
      partitionsConsumedConcurrently: PARTITIONS,
      eachBatch: async (payload) => {
        await takeOver(payload, options);
        if (payload.batch.messages.length < GATHERED) await gather();
      },
    });
    return crashed;
  };
  const ended = start().catch((error: unknown) => error);
  return { ended, ...controlsOf(consumer, life, topics) };
}

/** Waits for the end of one period; a call during the period waits for the rest of it. */
function gathering(): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= sleep(GATHER_MS).then(() => void (running = undefined)));
}

function controlsOf(consumer: Consumer, life: Life, topics: readonly string[]) {
  return {
    commit: (offsets: readonly PartitionOffset[]) =>
      consumer.commitOffsets(
        offsets.map(({ topic, partition, offset, note }) => ({
          topic,
          partition,
          offset: String(offset),
          metadata: note,
        })),
      ),
    pause: () => {
      try {
        consumer.pause(topics.map((topic) => ({ topic })));
      } catch {
        // It never joined, or has crashed: it fetches nothing.
      }
    },
    leave: async () => {
      if (!life.ended) await disconnected(consumer.disconnect());
      life.end();
    },
  };
}

async function takeOver(payload: EachBatchPayload, options: ConsumeOptions): Promise<void> {
  const { batch } = payload;
  const messages = batch.messages.map(({ offset, key, value }) => ({
    offset: BigInt(offset),
    key: key?.toString() ?? '',
    value: value?.toString() ?? '',
  }));
  const { topic, partition } = batch;
  const beat = () => payload.heartbeat();
  if (await options.onBatch({ topic, partition, messages }, beat))
    payload.resolveOffset(batch.lastOffset());
}
