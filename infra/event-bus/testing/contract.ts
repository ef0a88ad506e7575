/**
 * What every event bus must do. It speaks only of the port and of a process that ends: an adapter
 * may run over anything that can be opened again.
 */
import { expect } from 'chai';
import { eventually } from '../../../testing/eventually.js';
import { StoreUnavailable, type EventStore } from '../../event-store/port.js';
import {
  append,
  executionStream,
  gate,
  groupNamed,
  keyOf,
  startRuns,
  type Runs,
} from './contract-kit.js';
import { defers } from './contract-deferrals.js';
import type { EventBus, Notification } from '../port.js';

/** Durable state that outlives the buses opened over it. */
interface BusHarness {
  readonly store: EventStore;
  open(): Promise<OpenedBus>;
  close(): Promise<void>;
}

export interface OpenedBus {
  readonly bus: EventBus;
  /** Ends it as `kill -9` would: running handlers come to nothing, nothing more is saved. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

interface Case {
  store: EventStore;
  bus: EventBus;
  runs: Runs;
  /** Crashes the bus, and goes on with another one. */
  crash(): Promise<void>;
  eventually<T>(what: string, ask: () => T | Promise<T>): Promise<NonNullable<T>>;
}

/** `patienceMs` is how long the adapter may take for anything, pauses and rebalances included. */
export function eventBusContract(
  name: string,
  openHarness: () => Promise<BusHarness>,
  patienceMs = 8_000,
): void {
  describe(`event bus contract: ${name}`, function () {
    this.timeout(patienceMs * 3);
    const the = {} as Case;
    let harness: BusHarness;
    let opened: OpenedBus[];

    const openBus = async () => {
      const bus = await harness.open();
      opened.push(bus);
      the.bus = bus.bus;
      the.runs = startRuns(bus.bus);
      return bus;
    };

    beforeEach(async () => {
      harness = await openHarness();
      opened = [];
      the.store = harness.store;
      the.eventually = (what, ask) => eventually(what, ask, patienceMs);
      let current = await openBus();
      the.crash = async () => {
        await current.crash();
        the.runs.forget();
        current = await openBus();
      };
    });
    afterEach(async () => {
      await the.runs.stop();
      for (const bus of opened) await bus.close();
      await harness.close();
    });

    deliversSubscribedEvents(the);
    deliversInOrder(the);
    deliversAgainAfterAThrow(the);
    keepsDeadLetters(the);
    stopsAndStartsAgain(the);
    survivesACrash(the);
    defers(the);
  });
}

function deliversSubscribedEvents(the: Case): void {
  it('delivers what was appended before the group ran, and what is appended after', async () => {
    const stream = executionStream();
    const first = await append(the.store, stream, ['ExecutionExpired', 'ExecutionCancelled']);
    const delivered: Notification[] = [];
    the.runs.start({
      ...groupNamed('all'),
      handle: async (notification) => note(delivered, notification),
    });
    await the.eventually('the first two are delivered', () => delivered.length >= 2);
    const then = await append(the.store, stream, ['ExecutionExpired'], 1);
    await the.eventually('the third is delivered', () => delivered.length >= 3);
    expect(unique(delivered)).to.deep.equal([
      notificationOf(stream, 0, 'ExecutionExpired', first[0]),
      notificationOf(stream, 1, 'ExecutionCancelled', first[1]),
      notificationOf(stream, 2, 'ExecutionExpired', then[0]),
    ]);
  });

  it('delivers only the subscribed types of the categories of the group', async () => {
    const [stream, other] = [executionStream(), executionStream()];
    await append(the.store, stream, ['ExecutionExpired', 'ExecutionCancelled']);
    await append(the.store, other, ['ExecutionExpired', 'ExecutionExpired', 'ExecutionCancelled']);
    const delivered: Notification[] = [];
    const group = { ...groupNamed('some'), subscribesTo: ['ExecutionCancelled' as const] };
    the.runs.start({ ...group, handle: async (notification) => note(delivered, notification) });
    await the.eventually('both are delivered', () => unique(delivered).length >= 2);
    expect(unique(delivered).map(keyOf).sort()).to.deep.equal([`${stream}@1`, `${other}@2`].sort());
  });

  it('delivers to every group', async () => {
    const stream = executionStream();
    await append(the.store, stream, ['ExecutionExpired']);
    const delivered: Record<string, string[]> = { one: [], two: [] };
    for (const [name, notifications] of Object.entries(delivered)) {
      const group = { ...groupNamed(name), categories: ['execution' as const] };
      the.runs.start({
        ...group,
        handle: async (notification) => note(notifications, keyOf(notification)),
      });
    }
    await the.eventually(
      'both are delivered',
      () => delivered['one']?.length && delivered['two']?.length,
    );
    expect(delivered).to.deep.equal({ one: [`${stream}@0`], two: [`${stream}@0`] });
  });

  it('says how far each group has come', async () => {
    const group = groupNamed('behind');
    const stream = executionStream();
    const [first] = await append(the.store, stream, ['ExecutionExpired']);
    const [second] = await append(the.store, executionStream(), ['ExecutionExpired']);
    const held = gate();
    the.runs.start({ ...group, handle: async ({ position }) => position === second && held.wait });
    const lag = async () => (await the.bus.lag()).find((row) => row.group === group.name);
    await the.eventually('the first is done', async () => (await lag())?.checkpoint === first);
    expect(await lag()).to.deep.equal({
      group: group.name,
      checkpoint: first,
      head: second,
      deadLetters: 0,
    });
    held.open();
    await the.eventually('the second is done', async () => (await lag())?.checkpoint === second);
  });
}

function deliversInOrder(the: Case): void {
  it('handles one stream in order and one at a time, beside other streams', async () => {
    const streams = Array.from({ length: 8 }, executionStream);
    for (const stream of streams) {
      await append(the.store, stream, Array<'ExecutionExpired'>(10).fill('ExecutionExpired'));
    }
    const delivered = new Map<string, number[]>(streams.map((stream) => [stream, []]));
    const inside = new Set<string>();
    let overlaps = 0;
    the.runs.start({
      ...groupNamed('in-order'),
      concurrencyMax: 4,
      handle: async ({ stream, revision }) => {
        if (inside.has(stream)) overlaps += 1;
        inside.add(stream);
        await new Promise((resolve) => setTimeout(resolve, (revision * 7) % 3));
        inside.delete(stream);
        const revisions = delivered.get(stream);
        if (revisions && !revisions.includes(revision)) revisions.push(revision);
      },
    });
    const all = () => [...delivered.values()];
    await the.eventually('all are delivered', () =>
      all().every((revisions) => revisions.length === 10),
    );
    const inOrder = Array.from({ length: 10 }, (_, revision) => revision);
    expect(all()).to.deep.equal(streams.map(() => inOrder));
    expect(overlaps).to.equal(0);
  });

  it('handles as many at one time as the group allows, and no more', async () => {
    for (let n = 0; n < 12; n += 1)
      await append(the.store, executionStream(), ['ExecutionExpired']);
    const held = gate();
    let inside = 0;
    let most = 0;
    let done = 0;
    the.runs.start({
      ...groupNamed('bounded'),
      concurrencyMax: 3,
      handle: async () => {
        most = Math.max(most, (inside += 1));
        await held.wait;
        inside -= 1;
        done += 1;
      },
    });
    await the.eventually('three are inside', () => inside === 3);
    held.open();
    await the.eventually('all are done', () => done >= 12);
    expect(most).to.equal(3);
  });
}

function deliversAgainAfterAThrow(the: Case): void {
  it('delivers again after a throw, while its stream waits and the others go on', async () => {
    const [sick, well] = [executionStream(), executionStream()];
    await append(the.store, sick, ['ExecutionExpired', 'ExecutionCancelled']);
    await append(the.store, well, ['ExecutionExpired', 'ExecutionCancelled']);
    const delivered: string[] = [];
    the.runs.start({
      ...groupNamed('again'),
      concurrencyMax: 1,
      handle: async (notification) => {
        delivered.push(`${keyOf(notification)} ${notification.attempt}`);
        if (notification.stream === sick && notification.revision === 0 && notification.attempt < 3)
          throw new Error('no');
      },
    });
    await the.eventually('the sick one is through', () => delivered.includes(`${sick}@1 1`));
    expect(delivered.filter((line) => line.startsWith(sick))).to.deep.equal([
      `${sick}@0 1`,
      `${sick}@0 2`,
      `${sick}@0 3`,
      `${sick}@1 1`,
    ]);
    expect(delivered.indexOf(`${well}@1 1`)).to.be.below(delivered.indexOf(`${sick}@0 3`));
  });

  it('waits an outage out, however many attempts it takes', async () => {
    const stream = executionStream();
    await append(the.store, stream, ['ExecutionExpired']);
    const group = groupNamed('outage');
    let done = false;
    the.runs.start({
      ...group,
      attemptsMax: 1,
      handle: async ({ attempt }) => {
        if (attempt < 4) throw new StoreUnavailable('away');
        done = true;
      },
    });
    await the.eventually('it is done', () => done);
    expect(await the.bus.deadLetters(group.name)).to.deep.equal([]);
  });
}

function keepsDeadLetters(the: Case): void {
  it('makes a dead letter after the last attempt, and goes on with its stream', async () => {
    const stream = executionStream();
    const [position] = await append(the.store, stream, ['ExecutionExpired', 'ExecutionCancelled']);
    const group = groupNamed('poison');
    const delivered = the.runs.startPoisoned(group, () => true);
    await the.eventually('the later one is delivered', () => delivered.includes(`${stream}@1`));
    const kept = await the.bus.deadLetters(group.name);
    expect(kept.map(({ addedAt: _, ...letter }) => letter)).to.deep.equal([
      {
        group: group.name,
        stream,
        revision: 0,
        type: 'ExecutionExpired',
        position,
        attempts: 2,
        error: 'Error: poison',
      },
    ]);
    expect(delivered).to.deep.equal([`${stream}@0`, `${stream}@0`, `${stream}@1`]);
    const lag = (await the.bus.lag()).find((row) => row.group === group.name);
    expect(lag?.deadLetters).to.equal(1);
  });

  it('redrives a dead letter when it is asked to, until it is handled', async () => {
    const stream = executionStream();
    await append(the.store, stream, ['ExecutionExpired']);
    const group = groupNamed('retried');
    let sick = true;
    const delivered = the.runs.startPoisoned(group, () => sick);
    const letters = () => the.bus.deadLetters(group.name);
    const once = await the.eventually('it is a dead letter', async () => (await letters())[0]);
    expect(await the.bus.redrive(group.name, stream, 0)).to.equal(true);
    await the.eventually('it is a dead letter again', async () => {
      const [twice] = await letters();
      return twice && twice.attempts > once.attempts;
    });
    sick = false;
    const before = delivered.length;
    expect(await the.bus.redrive(group.name, stream, 0)).to.equal(true);
    await the.eventually('it is no dead letter', async () => (await letters()).length === 0);
    expect(delivered.slice(before)).to.deep.equal([`${stream}@0`]);
    expect(await the.bus.redrive(group.name, stream, 0)).to.equal(false);
  });

  it('keeps dead letters, and requests to redrive them, over a crash', async () => {
    const stream = executionStream();
    await append(the.store, stream, ['ExecutionExpired']);
    const group = groupNamed('kept');
    the.runs.startPoisoned(group, () => true);
    await the.eventually(
      'it is a dead letter',
      async () => (await the.bus.deadLetters()).length === 1,
    );
    await the.crash();
    expect(await the.bus.redrive(group.name, stream, 0)).to.equal(true);
    const delivered = the.runs.startPoisoned(group, () => false);
    await the.eventually(
      'it is no dead letter',
      async () => (await the.bus.deadLetters()).length === 0,
    );
    expect(new Set(delivered)).to.deep.equal(new Set([`${stream}@0`]));
  });
}

function stopsAndStartsAgain(the: Case): void {
  it('finishes what is being handled when it stops, and starts nothing more', async () => {
    const streams = Array.from({ length: 5 }, executionStream);
    for (const stream of streams) await append(the.store, stream, ['ExecutionExpired']);
    const held = gate();
    const started: string[] = [];
    const finished: string[] = [];
    const group = { ...groupNamed('stopped'), concurrencyMax: 2 };
    const handle = async (notification: Notification, signal: AbortSignal) => {
      started.push(keyOf(notification));
      signal.addEventListener('abort', () => setTimeout(() => held.open(), 50));
      await held.wait;
      finished.push(keyOf(notification));
    };
    the.runs.start({ ...group, handle });
    await the.eventually('two are inside', () => started.length === 2);
    await the.runs.stop();
    expect(finished).to.deep.equal(started);
    expect(started).to.have.length(2);

    const later: string[] = [];
    the.runs.start({ ...group, handle: async (notification) => note(later, keyOf(notification)) });
    await the.eventually('the rest is delivered', () => later.length >= 3);
    const all = streams.map((stream) => `${stream}@0`).sort();
    expect([...finished, ...later].sort()).to.deep.equal(all);
  });
}

function survivesACrash(the: Case): void {
  it('delivers everything that was not processed when it crashed', async () => {
    const streams = Array.from({ length: 30 }, executionStream);
    for (const stream of streams) await append(the.store, stream, ['ExecutionExpired']);
    const held = gate();
    const group = { ...groupNamed('crashed'), concurrencyMax: 4 };
    const finished = new Set<string>();
    the.runs.start({
      ...group,
      handle: async (notification) => {
        // The second in the log hangs; others pass it.
        if (notification.stream === streams[1]) await held.wait;
        finished.add(keyOf(notification));
      },
    });
    const checkpoint = async () =>
      (await the.bus.lag()).find((row) => row.group === group.name)?.checkpoint;
    await the.eventually('the others are done', () => finished.size === 29);
    const hung = (await the.store.readStream(streams[1] ?? streams[0]!))[0]?.position ?? -1n;
    expect((await checkpoint())! < hung).to.equal(true);
    await the.crash();

    await append(the.store, executionStream(), ['ExecutionExpired']);
    the.runs.start({
      ...group,
      handle: async (notification) => note(finished, keyOf(notification)),
    });
    await the.eventually('all are done', () => finished.size === 31);
    expect(finished.has(`${streams[1]}@0`)).to.equal(true);
  });
}

const note = <T>(list: T[] | Set<T>, item: T): string => {
  if (Array.isArray(list)) list.push(item);
  else list.add(item);
  return 'noted';
};

const notificationOf = (
  stream: Notification['stream'],
  revision: number,
  type: Notification['type'],
  position: bigint | undefined,
) => ({ stream, revision, type, position, attempt: 1 });

/** Delivery is at least once: what was delivered twice counts once here. */
const unique = (notifications: readonly Notification[]): Notification[] => [
  ...new Map(notifications.map((notification) => [keyOf(notification), notification])).values(),
];
