/** Topics of a real broker, and what a reader finds in them who reads what was committed. */
import { randomUUID } from 'node:crypto';
import { Kafka, logLevel, Partitioners } from 'kafkajs';

export interface FoundRecord {
  readonly partition: number;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
}

export interface Topics {
  readonly brokers: readonly string[];
  create(partitions: number): Promise<string>;
  /** Each partition in its order. */
  read(topic: string): Promise<readonly FoundRecord[]>;
  close(): Promise<void>;
}

const LAST = 'the last record of the spec';

export async function openTopics(brokers: string): Promise<Topics> {
  const kafka = new Kafka({ brokers: [brokers], clientId: 'reader', logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const { DefaultPartitioner: createPartitioner } = Partitioners;
  const producer = kafka.producer({ allowAutoTopicCreation: false, createPartitioner });
  await Promise.all([admin.connect(), producer.connect()]);

  async function read(topic: string): Promise<readonly FoundRecord[]> {
    const partitions = await admin.fetchTopicOffsets(topic);
    const mark = `${LAST} ${randomUUID()}`;
    await producer.send({
      topic,
      messages: partitions.map(({ partition }) => ({ partition, key: mark, value: mark })),
    });
    const found: FoundRecord[] = [];
    let left = partitions.length;
    const consumer = kafka.consumer({ groupId: `reader-${randomUUID()}` });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ partition, message }: Message) => {
        const key = String(message.key);
        if (key === mark && --left === 0) resolve();
        if (key.startsWith(LAST)) return;
        const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [
          name,
          String(value),
        ]);
        const value = String(message.value);
        found.push({ partition, key, headers: Object.fromEntries(headers), value });
      };
      consumer.run({ eachMessage }).catch(reject);
    });
    await consumer.disconnect();
    return found;
  }

  return {
    brokers: [brokers],
    async create(numPartitions) {
      const topic = `spec.${randomUUID()}`;
      await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions }] });
      return topic;
    },
    read,
    close: async () => void (await Promise.all([admin.disconnect(), producer.disconnect()])),
  };
}

interface Message {
  readonly partition: number;
  readonly message: {
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers?: Readonly<Record<string, unknown>>;
  };
}
