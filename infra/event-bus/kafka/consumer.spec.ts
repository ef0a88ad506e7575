/** What a member does with doorbells of a log that was moved away. */
import { expect } from 'chai';
import { pino } from 'pino';
import { openMetrics } from '../../metrics.js';
import { aborted } from '../../concurrency/pause.js';
import type { RungWake } from '../unfinished.js';
import { openConsumer } from './consumer.js';
import { doorbellOf } from './doorbell.js';
import { openHandledRecorder } from './handled.js';
import { openIntake } from './intake.js';
import type { Consumption, ConsumeOptions, KafkaClient, PartitionOffset } from './transport.js';

const wake: RungWake = {
  ...{ stream: 'execution-one', revision: 0, type: 'ExecutionExpired', position: 7n },
};

describe('a member of a group', () => {
  it('passes doorbells of another epoch, and records nothing under their numbers', async () => {
    const recorded: bigint[] = [];
    const rung: RungWake[] = [];
    const committed: PartitionOffset[] = [];
    const handled = {
      add: async (_group: string, positions: readonly bigint[]) => void recorded.push(...positions),
      read: async () => [],
      forget: async () => undefined,
    };
    const recorder = openHandledRecorder(handled, 'a');
    const finish = (one: RungWake) => {
      rung.push(one);
      queueMicrotask(() => intake.finished(one.position));
    };
    const intake = openIntake(() => ({ admit: finish }), recorder, -1n);
    const stop = new AbortController();
    const unmarked = JSON.stringify({ ...wake, position: '7' });
    const old = doorbellOf(wake, 'old').value;
    const own = doorbellOf({ ...wake, revision: 3 }, 'own').value;
    const messages = [old, unmarked, own].map((value, offset) => ({
      ...{ offset: BigInt(offset), key: wake.stream, value },
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
    const client: KafkaClient = {
      consume,
      ensureTopics: async () => undefined,
      ends: async () => [],
      committed: async () => [],
      openSender: () => ({ send: async () => undefined, close: async () => undefined }),
      ping: async () => undefined,
      close: () => undefined,
    };
    const consumer = openConsumer({
      group: {
        ...{
          name: 'a',
          categories: ['execution'],
          wakesOn: ['ExecutionExpired'],
          concurrencyMax: 1,
          attemptsMax: 1,
        },
        handle: async () => 'done',
      },
      ...{ groupId: 'a', topics: ['t'], epoch: 'own', partitions: 1, client, intake, recorder },
      ...{ lanes: { room: () => undefined, quiet: async () => undefined } },
      ...{ log: pino({ level: 'silent' }), metrics: openMetrics(), standstillMs: 60_000 },
    });
    await consumer.run(stop.signal);
    expect(rung).to.deep.equal([{ ...wake, revision: 3 }]);
    expect(recorded).to.deep.equal([7n]);
    expect(committed).to.deep.equal([{ topic: 't', partition: 0, offset: 3n, note: '7' }]);
  });
});
