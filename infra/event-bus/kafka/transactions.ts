/**
 * What one writer puts into a topic, in transactions of Kafka. Each has records and a mark, the
 * committed offset of a consumer group that nobody reads by: both are there, or neither.
 *
 *   open: the writer's name is taken (a transaction that another left open ends without effect, and
 *         what that other one tries later is refused) ─► the mark is read, which changes no more
 *   then: begin ─► send, send, … ─► mark ─► commit, one transaction after another
 *
 * After any failure nothing is known of the last transaction: close it, and open it again. Of the
 * library's ways three are kept away from:
 *
 * - A send to several brokers that is repeated, while a partition moves to one that has answered,
 *   resolves without that partition's records. So each send is to one partition.
 * - Partitions that join a transaction side by side are refused. So sends follow one another.
 * - A name is taken with the first transaction only. So the first one is empty.
 */
import { Partitioners, type Transaction } from 'kafkajs';
import { openLife, within, type Life, type LifeOptions } from './life.js';

export interface TopicWriterOptions extends LifeOptions {
  readonly topic: string;
  /** The transactional id, and the group whose offset is the mark. */
  readonly name: string;
}

export interface TopicMark {
  readonly number: bigint;
  readonly note: string;
}

export interface TopicRecord {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TopicTransaction {
  send(partition: number, records: readonly TopicRecord[]): Promise<void>;
  mark(mark: TopicMark): Promise<void>;
  commit(): Promise<void>;
}

export interface TopicWriter {
  /** Of the last transaction that took effect; undefined where none has, or Kafka forgot it. */
  readonly mark: TopicMark | undefined;
  /** As the Java client chooses it. */
  partitionOf(key: string): number;
  begin(): Promise<TopicTransaction>;
  close(): void;
}

/** The broker ends a transaction that is open for longer: its readers wait for as long. */
const TRANSACTION_MS = 60_000;
const OPEN_MS = 15_000;
/** How long one step of a transaction may take. */
const STEP_MS = 15_000;
/** Together a second and a half: an error then says more than a deadline. */
const RETRIES_MAX = 4;
/** The partition under which the mark is committed: every topic has it. */
const MARK_PARTITION = 0;

/** Throws what Kafka refused, or did not answer in time. The topic must be there. */
export async function openTopicWriter(options: TopicWriterOptions): Promise<TopicWriter> {
  const life = openLife({ retriesMax: RETRIES_MAX, ...options }, new Set());
  try {
    return await within(OPEN_MS, opened(life, options));
  } catch (error) {
    life.end();
    throw error;
  }
}

async function opened(life: Life, { topic, name }: TopicWriterOptions): Promise<TopicWriter> {
  const admin = life.kafka.admin();
  admin.on('admin.network.request_timeout', life.hangUp);
  // What it sends in transactions is idempotent without its being asked for.
  const producer = life.kafka.producer({
    maxInFlightRequests: 1,
    transactionalId: name,
    transactionTimeout: TRANSACTION_MS,
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  });
  producer.on('producer.network.request_timeout', life.hangUp);
  await admin.connect();
  const [found] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics;
  await producer.connect();
  await (await producer.transaction()).abort();
  const committed = await admin.fetchOffsets({ groupId: name, topics: [topic] });
  await admin.disconnect();
  const marked = committed[0]?.partitions.find(({ partition }) => partition === MARK_PARTITION);
  const partitionOf = Partitioners.DefaultPartitioner();
  const partitionMetadata = found?.partitions ?? [];
  return {
    mark:
      marked && !marked.offset.startsWith('-')
        ? { number: BigInt(marked.offset), note: marked.metadata ?? '' }
        : undefined,
    partitionOf: (key) => partitionOf({ topic, partitionMetadata, message: { key, value: null } }),
    begin: async () => transactionOf(await within(STEP_MS, producer.transaction()), topic, name),
    // Nothing waits for a farewell: what is not committed has no effect.
    close: () => life.end(),
  };
}

function transactionOf(transaction: Transaction, topic: string, name: string): TopicTransaction {
  const step = async (work: Promise<unknown>): Promise<void> => void (await within(STEP_MS, work));
  return {
    send: (partition, records) =>
      step(
        transaction.send({
          topic,
          acks: -1,
          messages: records.map((record) => ({ ...record, partition })),
        }),
      ),
    mark: ({ number, note: metadata }) => {
      // The library's types do not have the note, which it writes.
      const offset = { partition: MARK_PARTITION, offset: String(number), metadata };
      const topics = [{ topic, partitions: [offset] }];
      return step(transaction.sendOffsets({ consumerGroupId: name, topics }));
    },
    commit: () => step(transaction.commit()),
  };
}
