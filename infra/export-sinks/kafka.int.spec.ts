/** A topic of a real broker as a sink: each event once, whatever dies at whatever step. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { pino } from 'pino';
import { cloudEventText } from '../../domain/feed/cloud-event.js';
import { freePort } from '../../testing/free-port.js';
import { sharedKafka, type KafkaBroker } from '../event-bus/kafka/testing/broker.js';
import { openTopicWriter, type TopicWriter } from '../event-bus/kafka/transactions.js';
import { offered } from '../event-store/testing/contract/kit.js';
import { isOutage } from '../event-store/outage.js';
import { openKafkaSink } from './kafka.js';
import type { ExportSink } from './port.js';
import { exportSinkContract, idsOf, planOf } from './testing/contract.js';
import { openTopics, type Topics } from './testing/topics.js';

const PARTITIONS = 3;
/** Begin, a send to each partition, mark, commit. */
const STEPS = PARTITIONS + 3;

const thrownBy = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a topic as a sink of exports', function () {
  this.timeout(60_000);
  let broker: KafkaBroker;
  let topics: Topics;
  const { signal } = new AbortController();
  const opened: ExportSink[] = [];

  before(async function () {
    this.timeout(200_000);
    broker = offered(this, await sharedKafka());
    topics = await openTopics(broker.brokers);
  });
  afterEach(() => {
    for (const sink of opened.splice(0)) sink.close();
  });
  after(() => topics?.close());

  const log = pino({ enabled: false });
  const writerOf = (topic: string, name: string, brokers = topics.brokers) =>
    openTopicWriter({ brokers, topic, name, clientId: 'spec', log });

  function sinkOn(openWriter: () => Promise<TopicWriter>): ExportSink {
    const sink = openKafkaSink(openWriter);
    opened.push(sink);
    return sink;
  }
  const idsIn = async (topic: string) =>
    (await topics.read(topic)).map(({ headers }) => headers['ce_id']).sort();

  async function stageOf() {
    const [topic, name] = [await topics.create(PARTITIONS), `modelroute-export-${randomUUID()}`];
    const open = () => sinkOn(() => writerOf(topic, name));
    return { topic, name, open };
  }

  exportSinkContract('topic', async () => {
    const { topic, name } = await stageOf();
    return {
      open: async () => openKafkaSink(() => writerOf(topic, name)),
      ids: async () => (await idsIn(topic)) as string[],
      close: async () => undefined,
    };
  });

  it('has CloudEvents in binary mode, keyed by execution or organization', async () => {
    const { topic, open } = await stageOf();
    const [first, second, ...rest] = planOf(4, 60);
    const fields = { provider: 'aurora', provider_cost: '0.001', region: null };
    await open().write([{ ...first!, operators: fields }, second!, ...rest], signal);
    const records = await topics.read(topic);
    expect(records).to.have.length(57);
    const byId = new Map(records.map((record) => [record.headers['ce_id'], record]));
    for (const { event } of [second!, ...rest]) {
      const { key, headers, value } = byId.get(`evt_${event.eventId}`)!;
      expect(key).to.equal(
        event.subject.startsWith('exec_') ? event.subject : event.organizationId,
      );
      const { 'content-type': datacontenttype, ...named } = headers;
      const attributes = Object.entries(named).map(([name, text]) => [name.slice(3), text]);
      expect({
        ...Object.fromEntries(attributes),
        datacontenttype,
        data: JSON.parse(value),
      }).to.deep.equal(JSON.parse(cloudEventText(event)));
    }
    const { headers } = byId.get(`evt_${first!.event.eventId}`)!;
    expect(headers).to.include({ ce_provider: 'aurora', ce_providercost: '0.001' });
    expect(headers).not.to.have.property('ce_region');
    const partitionsOf = new Map<string, Set<number>>();
    for (const { key, partition } of records)
      partitionsOf.set(key, (partitionsOf.get(key) ?? new Set()).add(partition));
    expect([...partitionsOf.values()].every(({ size }) => size === 1)).to.equal(true);
    expect(new Set(records.map(({ partition }) => partition)).size).to.equal(PARTITIONS);
  });

  /** Dies behind a step of a transaction, as by `kill -9`: without a farewell. */
  async function dyingWriter(topic: string, name: string, step: number): Promise<TopicWriter> {
    const writer = await writerOf(topic, name);
    let steps = 0;
    const around = async <T>(work: () => Promise<T>): Promise<T> => {
      const answer = await work();
      if (steps++ === step) throw new Error('killed');
      return answer;
    };
    return {
      ...writer,
      begin: async () => {
        const transaction = await around(() => writer.begin());
        return {
          send: (...given) => around(() => transaction.send(...given)),
          mark: (mark) => around(() => transaction.mark(mark)),
          commit: () => around(() => transaction.commit()),
        };
      },
    };
  }

  it('killed at every step, has each event once', async () => {
    const { topic, name, open } = await stageOf();
    const plans = [];
    for (let step = 0; step < STEPS; step++) {
      const plan = planOf(1 + step * 30, 30 + step * 30);
      const dying = sinkOn(() => dyingWriter(topic, name, step));
      expect(isOutage(await thrownBy(dying.write(plan, signal)))).to.equal(true);
      await open().write(plan, signal);
      plans.push(plan);
    }
    expect(await idsIn(topic)).to.deep.equal(idsOf(...plans));
  });

  it('a broker that is killed and comes back leaves each event once', async () => {
    const { topic, open } = await stageOf();
    const sink = open();
    await sink.write(planOf(1, 50), signal);
    const writing = thrownBy(sink.write(planOf(51, 1_000), signal));
    await broker.kill9();
    const [thrown] = await Promise.all([writing, broker.restart()]);
    expect(thrown === undefined || isOutage(thrown)).to.equal(true);
    const until = performance.now() + 30_000;
    for (let isDone = false; !isDone && performance.now() < until;)
      isDone = await sink.write(planOf(51, 1_000), signal).then(
        () => true,
        () => false,
      );
    expect(await idsIn(topic)).to.deep.equal(idsOf(planOf(1, 1_000)));
  });

  it('refuses to write where the topic is ahead of the database', async () => {
    const { topic, open } = await stageOf();
    await open().write(planOf(1, 20), signal);
    const thrown = await thrownBy(open().write(planOf(1, 10), signal));
    expect(String((thrown as Error).cause)).to.match(/events up to number 20 .* knows nothing/);
    expect(await idsIn(topic)).to.deep.equal(idsOf(planOf(1, 20)));
  });

  it('a broker, or a topic, that is not there is an outage in bounded time', async () => {
    const away = [`127.0.0.1:${await freePort()}`];
    const began = performance.now();
    for (const openWriter of [
      () => writerOf('nobody.made.it', 'modelroute-export-1'),
      () => writerOf('any', 'modelroute-export-2', away),
    ]) {
      const writing = sinkOn(openWriter).write(planOf(1, 2), signal);
      expect(isOutage(await thrownBy(writing))).to.equal(true);
    }
    expect(performance.now() - began).to.be.lessThan(20_000);
  });
});
