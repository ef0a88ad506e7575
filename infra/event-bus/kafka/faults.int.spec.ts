import { expect } from 'chai';
import { eventually } from '../../../testing/eventually.js';
import { sharedKafka, startKafka, type KafkaBroker } from './testing/broker.js';
import { offered } from '../../event-store/testing/contract/kit.js';
import {
  append,
  executionStream,
  gate,
  groupNamed,
  keyOf,
  startRuns,
} from '../testing/contract-kit.js';
import { withUnreadable } from '../testing/unreadable-store.js';
import type { CheckpointStore } from '../../checkpoints/port.js';
import type { Group, Notification } from '../port.js';
import { deadLetterTopicOf, groupIdOf, RELAY, topicOf } from './names.js';
import { openOperator, openStage, type Operator, type Stage } from './testing/kit.js';
import type { KafkaClient } from './transport.js';

const PATIENCE_MS = 50_000;
/** Asks often, and waits for Kafka longer than any case here takes. */
const PATIENT = { everyMs: 100, lateMs: 500, stalledMs: 60_000 };

describe('the bus over Kafka, when something breaks', function () {
  this.timeout(120_000);
  let shared: KafkaBroker;
  let stage: Stage;
  let operator: Operator;

  before(async function () {
    this.timeout(200_000);
    shared = offered(this, await sharedKafka());
  });
  const setUp = async (brokers: string) => {
    stage = await openStage(brokers);
    operator = openOperator(brokers);
  };
  beforeEach(() => setUp(shared.brokers));
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
    await operator.close();
    await stage.close();
  });

  const stops: (() => Promise<void>)[] = [];
  const group = groupNamed('group');
  const topic = () => topicOf(stage.prefix, 'execution');
  const appendMany = async (count: number): Promise<string[]> => {
    const streams = Array.from({ length: count }, executionStream);
    await Promise.all(streams.map((stream) => append(stage.store, stream, ['ExecutionExpired'])));
    return streams.map((stream) => `${stream}@0`).sort();
  };
  /** A process of the group: its deliveries in order, and how to stop it. */
  const start = (options: Parameters<Stage['openBus']>[0] = {}, of: Partial<Group> = {}) => {
    const { bus } = stage.openBus(options);
    const runs = startRuns(bus);
    const handled: string[] = [];
    const handle = async (notification: Notification) => {
      handled.push(keyOf(notification));
      return 'handled';
    };
    runs.start({ ...group, handle, ...of });
    stops.push(() => runs.stop());
    return { bus, handled, stop: () => runs.stop() };
  };
  const checkpointAtHead = async () =>
    (await stage.checkpoints.read('group')) === (await stage.store.head());
  /** Committed messages of all partitions. */
  const committed = async (): Promise<number> => {
    const offsets = await stage.client.committed(groupIdOf(stage.prefix, 'group'), [topic()]);
    return offsets.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  };
  const soon = <T>(what: string, ask: () => T | Promise<T>) => eventually(what, ask, PATIENCE_MS);
  const counted = async (name: 'reconciled' | 'consumerRestarts'): Promise<number> =>
    (await stage.metrics[name].get()).values.reduce((sum, { value }) => sum + value, 0);

  it('delivers while the broker is away, and goes on with it when it is back', async function () {
    this.timeout(180_000); // a broker starts twice
    const own = await startKafka();
    await stage.close();
    await operator.close();
    await setUp(own.brokers);
    stage.startRelay();
    const one = start();
    const before = await appendMany(5);
    await soon('the first are handled', () => one.handled.length === 5);
    const reconciled = await counted('reconciled');
    await own.kill9();
    const during = await appendMany(5);
    await soon('the others are handled', () => one.handled.length === 10);
    await soon('nothing is missing', checkpointAtHead);
    await soon('they are counted', async () => (await counted('reconciled')) >= reconciled + 5);
    expect(await counted('reconciled')).to.equal(reconciled + 5);
    await own.restart();
    const after = await appendMany(5);
    await soon('the last are handled', () => one.handled.length >= 15);
    await soon('nothing is missing', checkpointAtHead);
    expect([...one.handled].sort()).to.deep.equal([...before, ...during, ...after].sort());
    await one.stop();
    await stage.close();
    await own.close();
  });

  it('handles nothing twice when the offsets are reset to the earliest', async () => {
    stage.startRelay();
    const all = await appendMany(50);
    const one = start();
    await soon('nothing is missing', checkpointAtHead);
    await one.stop();
    await operator.resetOffsets(groupIdOf(stage.prefix, 'group'), topic());
    const two = start();
    const later = await appendMany(1);
    await soon('the new one is handled', () => two.handled.length === 1);
    expect([...one.handled].sort()).to.deep.equal(all);
    expect(two.handled).to.deep.equal(later);
  });

  it('delivers what was in a topic that was deleted, and goes on in a new one', async () => {
    const relay = stage.startRelay();
    const first = await appendMany(20);
    await soon('all is published', async () => {
      return (await stage.checkpoints.read(RELAY)) === (await stage.store.head());
    });
    await operator.deleteTopic(topic());
    const one = start();
    await soon('all are handled', () => one.handled.length >= 20);
    await soon('they are counted', async () => (await counted('reconciled')) >= 20);
    await operator.deleteTopic(topic());
    const then = await appendMany(20);
    await soon('the later ones are handled', () => one.handled.length >= 40);
    expect([...new Set(one.handled)].sort()).to.deep.equal([...first, ...then].sort());
    await soon('nothing is missing', checkpointAtHead);
    await one.stop();
    await relay.stop();
  });

  it('handles duplicates once, in any order, and skips what is no notification', async () => {
    const relay = stage.startRelay();
    const stream = executionStream();
    await append(stage.store, stream, ['ExecutionExpired', 'ExecutionCancelled']);
    const held = gate();
    const inside: string[] = [];
    start(
      {},
      { handle: async (notification) => (inside.push(keyOf(notification)), await held.wait, '') },
    );
    await soon('the first is inside', () => inside.length === 1);
    await soon('both are published', async () => {
      const ends = await stage.client.ends([topic()]);
      return ends.reduce((sum, { low, high }) => sum + Number(high - low), 0) === 2;
    });
    await relay.stop();
    const { events } = await stage.store.readAll(-1n, 10);
    const again = events.toReversed().map(({ stream: key, revision, type, position }) => ({
      key,
      value: JSON.stringify({ stream: key, revision, type, position: `${position}` }),
    }));
    const strange = ['', 'null', '{}', '{"stream":1}', 'no JSON'].map((value) => ({
      key: stream,
      value,
    }));
    const sender = stage.client.openSender();
    await sender.send(new Map([[topic(), [...again, ...strange, ...again]]]));
    held.open();
    await soon('nothing is missing', checkpointAtHead);
    const messages = 2 + 2 * again.length + strange.length;
    await soon('all is committed', async () => (await committed()) === messages);
    expect(inside).to.deep.equal([`${stream}@0`, `${stream}@1`]);
    await sender.close();
  });

  it('assigns partitions again when a process comes or goes during the work', async () => {
    stage.startRelay();
    const handled: string[] = [];
    const slow = (name: string): Partial<Group> => ({
      concurrencyMax: 2,
      handle: async (notification) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        handled.push(`${name} ${keyOf(notification)}`);
        return 'handled';
      },
    });
    const by = (name: string) => handled.filter((line) => line.startsWith(name)).length;
    const one = start({}, slow('one'));
    const all = [...(await appendMany(100))];
    await soon('one handles', () => by('one') > 5);
    start({}, slow('two'));
    all.push(...(await appendMany(100)));
    await soon('two handles', () => by('two') > 5);
    await one.stop();
    all.push(...(await appendMany(100)));
    await soon('nothing is missing', checkpointAtHead);
    const keys = new Set(handled.map((line) => line.split(' ')[1]));
    expect([...keys].sort()).to.deep.equal(all.sort());
  });

  it('waits for a backlog, and delivers nothing of it twice', async () => {
    stage.startRelay();
    const all = await appendMany(300);
    const handled: string[] = [];
    const handle = async (notification: Notification) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      handled.push(keyOf(notification));
      return 'handled';
    };
    start({ reconciliation: PATIENT }, { concurrencyMax: 1, handle });
    await soon('nothing is missing', checkpointAtHead);
    expect(handled.sort()).to.deep.equal(all);
    expect(await counted('reconciled')).to.equal(0);
  });

  it('sends dead letters to a topic as well as to the database', async () => {
    stage.startRelay();
    const stream = executionStream();
    const [position] = await append(stage.store, stream, ['ExecutionExpired']);
    const name = `poison-${stage.prefix}`;
    const handle = async () => Promise.reject(new Error('poison'));
    const one = start({}, { name, attemptsMax: 2, handle });
    await soon('it is a dead letter', async () => (await one.bus.deadLetters(name)).length === 1);
    const letters: string[] = [];
    const reading = stage.client.consume({
      groupId: `reader-${stage.prefix}`,
      topics: [deadLetterTopicOf(name)],
      onBatch: async ({ messages }) => letters.push(...messages.map(({ value }) => value)) > 0,
      onAssigned: () => undefined,
      onRebalancing: () => undefined,
    });
    await soon('it is there', () => letters.length > 0);
    expect(letters.map((letter) => JSON.parse(letter) as unknown)).to.deep.equal([
      {
        stream,
        revision: 0,
        type: 'ExecutionExpired',
        position: `${position}`,
        attempts: 2,
        error: 'Error: poison',
      },
    ]);
    await reading.leave();
  });

  it('has one relay at a time, and publishes again what one had not saved', async function () {
    // Where nothing ran for as long as the lease lasts, the next relay rightly publishes again.
    this.retries(2);
    const unsaved: CheckpointStore = {
      ...stage.checkpoints,
      save: () => Promise.reject(new Error('away')),
    };
    const first = stage.startRelay({ checkpoints: unsaved });
    const one = start();
    const all = await appendMany(10);
    await soon('all are handled', () => one.handled.length === 10);
    const second = stage.startRelay();
    expect(await stage.checkpoints.read(RELAY)).to.equal(-1n);
    first.kill();
    const head = await stage.store.head();
    await soon('the second has published', async () => {
      return (await stage.checkpoints.read(RELAY)) === head;
    });
    const then = await appendMany(10);
    await soon('all are handled', () => one.handled.length >= 20);
    await soon('nothing is missing', checkpointAtHead);
    expect([...one.handled].sort()).to.deep.equal([...all, ...then].sort());
    const third = stage.startRelay();
    const published = async () => (await stage.metrics.relayed.get()).values[0]?.value;
    await soon('30 are published', async () => (await published()) === 30);
    await appendMany(10);
    await soon('they are handled', () => one.handled.length >= 30);
    // Counted when the broker has answered, which may be after a consumer has them.
    await soon('40 are published', async () => ((await published()) ?? 0) >= 40);
    expect(await published()).to.equal(40);
    await one.stop();
    await Promise.all([second.stop(), third.stop()]);
  });

  it('starts a consumer again that takes nothing although there are messages', async () => {
    stage.startRelay();
    let consumers = 0;
    const freezing = (client: KafkaClient): KafkaClient => ({
      ...client,
      consume: (options) => {
        consumers += 1;
        const isFrozen = consumers === 1;
        const onBatch: typeof options.onBatch = (...args) =>
          isFrozen ? new Promise(() => undefined) : options.onBatch(...args);
        return client.consume({ ...options, onBatch });
      },
    });
    const one = start({ client: freezing(stage.client), reconciliation: PATIENT });
    const all = await appendMany(10);
    await soon('all are handled', () => one.handled.length === 10);
    expect([...one.handled].sort()).to.deep.equal(all);
    expect(await counted('consumerRestarts')).to.be.at.least(1);
    expect(await counted('reconciled')).to.equal(0);
  });

  it('goes on behind an event that cannot be decoded, which becomes a dead letter', async () => {
    const poison = executionStream();
    const store = withUnreadable(stage.store, poison);
    stage.startRelay({ store });
    const before = await appendMany(2);
    await append(stage.store, poison, ['ExecutionExpired']);
    const after = await appendMany(2);
    const handled = new Set<string>();
    const { bus } = start(
      { store },
      {
        handle: async (notification: Notification) => {
          await store.readStream(notification.stream);
          handled.add(keyOf(notification));
          return 'handled';
        },
      },
    );
    await soon('all others are handled', () => handled.size === 4);
    expect([...handled].sort()).to.deep.equal([...before, ...after].sort());
    await soon('it is a dead letter', async () => (await bus.deadLetters('group')).length === 1);
    await soon('the checkpoint is past it', checkpointAtHead);
  });
});
