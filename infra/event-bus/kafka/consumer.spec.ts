/** What a member does with messages of a log that was moved away. */
import { expect } from 'chai';
import { pino } from 'pino';
import { openMetrics } from '../../metrics.js';
import { aborted } from '../../concurrency/pause.js';
import type { EventNotification } from '../port.js';
import { openConsumer } from './consumer.js';
import { messageOf } from './event-notification.js';
import { openProcessedRecorder } from './processed-positions.js';
import { openDeduplicator } from './deduplicator.js';
import type { Consumption, ConsumeOptions, KafkaClient, PartitionOffset } from './transport.js';

const notification: EventNotification = {
  stream: 'execution-one',
  revision: 0,
  type: 'ExecutionExpired',
  position: 7n,
};

const idleClient: Omit<KafkaClient, 'consume'> = {
  ensureTopics: async () => undefined,
  ends: async () => [],
  committed: async () => [],
  openSender: () => ({ send: async () => undefined, close: async () => undefined }),
  ping: async () => undefined,
  close: () => undefined,
};

describe('a member of a group', () => {
  it('passes messages of another epoch, and records none of their positions', async () => {
    const recorded: bigint[] = [];
    const delivered: EventNotification[] = [];
    const committed: PartitionOffset[] = [];
    const processed = {
      add: async (_group: string, positions: readonly bigint[]) => void recorded.push(...positions),
      read: async () => [],
      remove: async () => undefined,
    };
    const recorder = openProcessedRecorder(processed, 'a');
    const finish = (one: EventNotification) => {
      delivered.push(one);
      queueMicrotask(() => deduplicator.processed(one.position));
    };
    const deduplicator = openDeduplicator({
      dispatcher: () => ({ dispatch: finish }),
      recorder,
      after: -1n,
    });
    const stop = new AbortController();
    const unmarked = JSON.stringify({ ...notification, position: '7' });
    const old = messageOf(notification, 'old').value;
    const own = messageOf({ ...notification, revision: 3 }, 'own').value;
    const messages = [old, unmarked, own].map((value, offset) => ({
      offset: BigInt(offset),
      key: notification.stream,
      value,
    }));
    const consume = (asked: ConsumeOptions): Consumption => {
      asked.onAssigned({ t: [0] });
      void asked.onBatch({ topic: 't', partition: 0, messages }, async () => undefined);
      return {
        ended: aborted(stop.signal),
        commit: async (offsets) => {
          committed.push(...offsets);
          stop.abort();
        },
        pause: () => undefined,
        leave: async () => undefined,
      };
    };
    const client: KafkaClient = { ...idleClient, consume };
    const consumer = openConsumer({
      group: {
        name: 'a',
        categories: ['execution'],
        subscribesTo: ['ExecutionExpired'],
        concurrencyMax: 1,
        attemptsMax: 1,
        handle: async () => 'done',
      },
      groupId: 'a',
      topics: ['t'],
      epoch: 'own',
      partitions: 1,
      client,
      deduplicator,
      recorder,
      dispatcher: { capacity: () => undefined, idle: async () => undefined },
      log: pino({ level: 'silent' }),
      metrics: openMetrics(),
      standstillMs: 60_000,
    });
    await consumer.run(stop.signal);
    expect(delivered).to.deep.equal([{ ...notification, revision: 3 }]);
    expect(recorded).to.deep.equal([7n]);
    expect(committed).to.deep.equal([{ topic: 't', partition: 0, offset: 3n, note: '7' }]);
  });
});
