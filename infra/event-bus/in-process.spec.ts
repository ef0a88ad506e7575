import { expect } from 'chai';
import { pino } from 'pino';
import { eventually } from '../../testing/eventually.js';
import { openMemoryEventStore } from '../event-store/testing/memory.js';
import { START, type EventStore } from '../event-store/port.js';
import { openMemoryLeases } from '../leases/testing/memory.js';
import { openMemoryCheckpoints } from '../checkpoints/testing/memory.js';
import type { CheckpointStore } from '../checkpoints/port.js';
import { append, executionStream, gate, groupNamed, keyOf } from './testing/contract-kit.js';
import { eventBusContract } from './testing/contract.js';
import { openMortalBus } from './testing/in-process-harness.js';
import { openInProcessBus } from './in-process.js';
import type { Group, Notification } from './port.js';
import { withUnreadable } from './testing/unreadable-store.js';

type BusOptions = Parameters<typeof openInProcessBus>[0];

const log = pino({ level: 'silent' });

eventBusContract('in process, memory', async () => {
  const store = openMemoryEventStore();
  const checkpoints = openMemoryCheckpoints();
  return {
    store,
    open: async () => openMortalBus({ store, checkpoints, log }),
    close: () => store.close(),
  };
});

describe('the bus in process', () => {
  let store: EventStore;
  let checkpoints: CheckpointStore;
  let stopper: AbortController;
  let runs: Promise<void>[];

  beforeEach(() => {
    store = openMemoryEventStore();
    checkpoints = openMemoryCheckpoints();
    stopper = new AbortController();
    runs = [];
  });
  afterEach(async () => {
    stopper.abort();
    await Promise.all(runs);
    await store.close();
  });

  const start = (
    group: Partial<Group> & Pick<Group, 'handle'>,
    options: Partial<BusOptions> = {},
  ) => {
    const bus = openInProcessBus({ store, checkpoints, log, ...options });
    runs.push(bus.run({ ...groupNamed('group'), ...group }, stopper.signal));
    return bus;
  };
  const appendMany = async (count: number): Promise<bigint[]> => {
    const one = () => append(store, executionStream(), ['ExecutionExpired']);
    return (await Promise.all(Array.from({ length: count }, one))).flat();
  };

  it('saves as its checkpoint the position below which everything is finished', async () => {
    const positions = await appendMany(6);
    const held = gate();
    const finished: bigint[] = [];
    start({
      handle: async ({ position }) => {
        if (position === positions[2]) await held.wait;
        finished.push(position);
        return 'done';
      },
    });
    const saved = async (position: bigint | undefined) =>
      (await checkpoints.read('group')) === position;
    await eventually('it saved', () => saved(positions[1]));
    await eventually('the others are finished', () => finished.length === 5);
    await appendMany(1);
    await eventually('another passed', () => finished.length === 6);
    expect(await checkpoints.read('group')).to.equal(positions[1]);
    held.open();
    const head = await store.head();
    await eventually('it saved the rest', () => saved(head));
  });

  it('tells what is new while it reads through a long stretch without events for it', async () => {
    const old = await appendMany(1);
    const begun = gate();
    const passed = gate();
    const memory = store;
    store = {
      ...memory,
      async *subscribe(after, filter, signal) {
        begun.open();
        // A stretch lies behind the checkpoint; the log goes on behind it.
        if (after === START) await passed.wait;
        yield* memory.subscribe(after, filter, signal);
      },
    };
    const handled: bigint[] = [];
    start({
      handle: async ({ position }) => {
        handled.push(position);
        return 'done';
      },
    });
    await begun.wait;
    const positions = await appendMany(2);
    await eventually('the news are handled', () => handled.length === 2);
    expect(await checkpoints.read('group')).to.equal(START);
    passed.open();
    await eventually('they came once more', () => handled.length === 5);
    expect(handled).to.deep.equal([...positions, ...old, ...positions]);
    const head = await store.head();
    await eventually('it saved', async () => (await checkpoints.read('group')) === head);
  });

  it('saves how far it read through events that it does not want', async () => {
    await appendMany(3);
    start({ subscribesTo: ['ExecutionFailed'], handle: async () => 'never' });
    const head = await store.head();
    await eventually('it saved', async () => (await checkpoints.read('group')) === head);
  });

  it('saves its checkpoint when it stops', async () => {
    await appendMany(3);
    let delivered = 0;
    start({ handle: async () => `${(delivered += 1)}` });
    await eventually('all are delivered', () => delivered === 3);
    stopper.abort();
    await Promise.all(runs);
    expect(await checkpoints.read('group')).to.equal(await store.head());
  });

  it('reports every delivery: the outcome, or that the handler threw', async () => {
    const [position] = await appendMany(1);
    const reported: object[] = [];
    const broken = new Error('broken');
    const handle = async ({ attempt }: Notification) => {
      if (attempt === 1) throw broken;
      return 'settled';
    };
    start(
      { handle },
      { onHandled: ({ ms: _, notification, ...rest }) => reported.push({ ...rest, notification }) },
    );
    await eventually('it is handled', () => reported.length === 2);
    const [event] = (await store.readAll(START, 1)).events;
    const notification = { stream: event?.stream, revision: 0, type: 'ExecutionExpired', position };
    expect(reported).to.deep.equal([
      {
        group: 'group',
        outcome: 'threw',
        error: broken,
        notification: { ...notification, attempt: 1 },
      },
      { group: 'group', outcome: 'settled', notification: { ...notification, attempt: 2 } },
    ]);
  });

  it('stops reading while enough notifications wait, and goes on afterwards', async () => {
    await appendMany(3_000);
    let read = 0;
    const counted: EventStore = {
      ...store,
      subscribe: async function* (...args) {
        for await (const batch of store.subscribe(...args)) {
          read += batch.events.length;
          yield batch;
        }
      },
    };
    const held = gate();
    let delivered = 0;
    const handle = async () => {
      await held.wait;
      return `${(delivered += 1)}`;
    };
    start({ concurrencyMax: 10, handle }, { store: counted });
    await eventually('it read', () => read > 0);
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
    expect(read).to.be.at.most(500);
    held.open();
    await eventually('all are delivered', () => delivered === 3_000);
  });

  it('goes on delivering to others while the handler fails for many streams', async () => {
    const sick = new Set(await appendMany(600));
    await appendMany(50);
    let well = 0;
    start({
      concurrencyMax: 2,
      handle: async ({ position }) => {
        if (sick.has(position)) throw new Error('sick');
        return `${(well += 1)}`;
      },
    });
    await eventually('the others are delivered', () => well === 50);
  });

  it('opens the subscription again when it breaks', async () => {
    await appendMany(2);
    let opened = 0;
    const breaking: EventStore = {
      ...store,
      subscribe: async function* (after, filter, signal) {
        opened += 1;
        for await (const batch of store.subscribe(after, filter, signal)) {
          yield batch;
          if (opened === 1) throw new Error('connection lost');
        }
      },
    };
    const delivered: string[] = [];
    start(
      { handle: async (notification) => `${delivered.push(keyOf(notification))}` },
      { store: breaking },
    );
    await eventually('both are delivered', () => delivered.length === 2);
    await eventually('it is open again', () => opened === 2);
    await appendMany(1);
    await eventually('the third is delivered', () => delivered.length === 3);
    expect(new Set(delivered).size).to.equal(3);
  });

  it('goes on while the checkpoints are away, and saves when they are back', async () => {
    let away = false;
    let asked = 0;
    const reached = async <T>(ask: () => Promise<T>): Promise<T> => {
      if (!away) return ask();
      asked += 1;
      throw new Error('away');
    };
    const cut: CheckpointStore = {
      ...checkpoints,
      save: (group, position) => reached(() => checkpoints.save(group, position)),
      addDeadLetter: (letter) => reached(() => checkpoints.addDeadLetter(letter)),
    };
    let delivered = 0;
    const poisoned: number[] = [];
    const handle = async ({ attempt, position }: Notification) => {
      if (position === first && attempt < 4) {
        poisoned.push(attempt);
        throw new Error('poison');
      }
      return `${(delivered += 1)}`;
    };
    const [first] = await appendMany(3);
    away = true;
    start({ attemptsMax: 2, handle }, { checkpoints: cut });
    await eventually('the dead letter could not be added', () => delivered === 3 && asked > 0);
    expect(poisoned).to.deep.equal([1, 2, 3]);
    away = false;
    await appendMany(1);
    const head = await store.head();
    await eventually('it saved', async () => (await checkpoints.read('group')) === head);
    expect(await checkpoints.deadLetters()).to.deep.equal([]);
  });

  it('goes on behind an event that cannot be decoded, which becomes a dead letter', async () => {
    const poison = executionStream();
    const [before] = [await appendMany(1), await append(store, poison, ['ExecutionExpired'])];
    await appendMany(2);
    const poisoned = withUnreadable(store, poison);
    const delivered: string[] = [];
    const bus = start(
      {
        handle: async ({ stream, attempt }) => {
          await poisoned.readStream(stream);
          delivered.push(`${stream} ${attempt}`);
          return 'handled';
        },
      },
      { store: poisoned },
    );
    const head = await store.head();
    await eventually('it is past it', async () => (await checkpoints.read('group')) === head);
    expect(delivered).to.have.length(3);
    const letters = await bus.deadLetters('group');
    expect(letters.map(({ stream, attempts }) => [stream, attempts])).to.deep.equal([[poison, 1]]);
    expect(letters[0]?.position).to.equal((before[0] ?? 0n) + 1n);
  });

  it('does not count an attempt that its handler broke off when the bus stopped', async () => {
    await appendMany(1);
    const reported: string[] = [];
    const entered = gate();
    const handle = (_: Notification, signal: AbortSignal) => {
      entered.open();
      return new Promise<string>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    };
    const bus = start(
      { attemptsMax: 1, handle },
      { onHandled: ({ outcome }) => reported.push(outcome) },
    );
    await entered.wait;
    stopper.abort();
    await Promise.all(runs);
    expect(reported).to.deep.equal(['stopped']);
    expect(await bus.deadLetters()).to.deep.equal([]);
    expect(await checkpoints.read('group')).to.equal(START);
  });

  it('runs a group once in a process', async () => {
    const bus = start({ handle: async () => 'done' });
    const again = bus.run({ ...groupNamed('group'), handle: async () => 'done' }, stopper.signal);
    const thrown = await again.catch((error: unknown) => error);
    expect(String(thrown)).to.equal('Error: the group group already runs in this process');
  });

  it('lets one of two replicas run a leased group, and the other when it is gone', async () => {
    const leases = openMemoryLeases();
    const delivered: string[] = [];
    const stoppers = ['a', 'b'].map((holder) => {
      const options = { store, checkpoints, log, lease: { leases, holder } };
      const handle = async () => `${delivered.push(holder)}`;
      const ending = new AbortController();
      const signal = AbortSignal.any([ending.signal, stopper.signal]);
      runs.push(openInProcessBus(options).run({ ...groupNamed('group'), handle }, signal));
      return { holder, ending };
    });
    await appendMany(10);
    await eventually('ten are delivered', () => delivered.length === 10);
    expect(new Set(delivered).size).to.equal(1);
    stoppers.find(({ holder }) => holder === delivered[0])?.ending.abort();
    await appendMany(10);
    await eventually('ten more are delivered', () => delivered.length === 20);
    expect(new Set(delivered.slice(10))).to.deep.equal(
      new Set(delivered[0] === 'a' ? ['b'] : ['a']),
    );
  });
});
