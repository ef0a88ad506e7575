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
import type { EventBus, Wake } from '../port.js';

/** Durable state that outlives the buses opened over it. */
interface BusHarness {
  readonly store: EventStore;
  open(): Promise<OpenedBus>;
  close(): Promise<void>;
}

export interface OpenedBus {
  readonly bus: EventBus;
  /** Ends it as `kill -9` would: what is being handled ends nowhere, nothing more is saved. */
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

    ringsWhatIsWanted(the);
    ringsInOrder(the);
    ringsAgainAfterAThrow(the);
    parksPoison(the);
    stopsAndStartsAgain(the);
    survivesACrash(the);
  });
}

function ringsWhatIsWanted(the: Case): void {
  it('rings what was appended before the group ran, and what is appended after', async () => {
    const stream = executionStream();
    const first = await append(the.store, stream, ['ExecutionExpired', 'ExecutionCancelled']);
    const rung: Wake[] = [];
    the.runs.start({ ...groupNamed('all'), handle: async (wake) => note(rung, wake) });
    await the.eventually('the first two rang', () => rung.length >= 2);
    const then = await append(the.store, stream, ['ExecutionExpired'], 1);
    await the.eventually('the third rang', () => rung.length >= 3);
    expect(unique(rung)).to.deep.equal([
      wakeOf(stream, 0, 'ExecutionExpired', first[0]),
      wakeOf(stream, 1, 'ExecutionCancelled', first[1]),
      wakeOf(stream, 2, 'ExecutionExpired', then[0]),
    ]);
  });

  it('rings only the wanted types of the wanted categories', async () => {
    const [stream, other] = [executionStream(), executionStream()];
    await append(the.store, stream, ['ExecutionExpired', 'ExecutionCancelled']);
    await append(the.store, other, ['ExecutionExpired', 'ExecutionExpired', 'ExecutionCancelled']);
    const rung: Wake[] = [];
    const group = { ...groupNamed('some'), wakesOn: ['ExecutionCancelled' as const] };
    the.runs.start({ ...group, handle: async (wake) => note(rung, wake) });
    await the.eventually('both rang', () => unique(rung).length >= 2);
    expect(unique(rung).map(keyOf).sort()).to.deep.equal([`${stream}@1`, `${other}@2`].sort());
  });

  it('rings every group', async () => {
    const stream = executionStream();
    await append(the.store, stream, ['ExecutionExpired']);
    const rung: Record<string, string[]> = { one: [], two: [] };
    for (const [name, wakes] of Object.entries(rung)) {
      const group = { ...groupNamed(name), categories: ['execution' as const] };
      the.runs.start({ ...group, handle: async (wake) => note(wakes, keyOf(wake)) });
    }
    await the.eventually('both rang', () => rung['one']?.length && rung['two']?.length);
    expect(rung).to.deep.equal({ one: [`${stream}@0`], two: [`${stream}@0`] });
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
      parked: 0,
    });
    held.open();
    await the.eventually('the second is done', async () => (await lag())?.checkpoint === second);
  });
}

function ringsInOrder(the: Case): void {
  it('handles one stream in order and one at a time, beside other streams', async () => {
    const streams = Array.from({ length: 8 }, executionStream);
    for (const stream of streams) {
      await append(the.store, stream, Array<'ExecutionExpired'>(10).fill('ExecutionExpired'));
    }
    const rung = new Map<string, number[]>(streams.map((stream) => [stream, []]));
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
        const revisions = rung.get(stream);
        if (revisions && !revisions.includes(revision)) revisions.push(revision);
      },
    });
    const all = () => [...rung.values()];
    await the.eventually('all rang', () => all().every((revisions) => revisions.length === 10));
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

function ringsAgainAfterAThrow(the: Case): void {
  it('rings again after a throw, while its stream waits and the others go on', async () => {
    const [sick, well] = [executionStream(), executionStream()];
    await append(the.store, sick, ['ExecutionExpired', 'ExecutionCancelled']);
    await append(the.store, well, ['ExecutionExpired', 'ExecutionCancelled']);
    const rung: string[] = [];
    the.runs.start({
      ...groupNamed('again'),
      concurrencyMax: 1,
      handle: async (wake) => {
        rung.push(`${keyOf(wake)} ${wake.attempt}`);
        if (wake.stream === sick && wake.revision === 0 && wake.attempt < 3) throw new Error('no');
      },
    });
    await the.eventually('the sick one is through', () => rung.includes(`${sick}@1 1`));
    expect(rung.filter((line) => line.startsWith(sick))).to.deep.equal([
      `${sick}@0 1`,
      `${sick}@0 2`,
      `${sick}@0 3`,
      `${sick}@1 1`,
    ]);
    expect(rung.indexOf(`${well}@1 1`)).to.be.below(rung.indexOf(`${sick}@0 3`));
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
    expect(await the.bus.parked(group.name)).to.deep.equal([]);
  });
}

function parksPoison(the: Case): void {
  it('parks a wake after its last attempt, and goes on with its stream', async () => {
    const stream = executionStream();
    const [position] = await append(the.store, stream, ['ExecutionExpired', 'ExecutionCancelled']);
    const group = groupNamed('poison');
    const rung = the.runs.startPoisoned(group, () => true);
    await the.eventually('the later one rang', () => rung.includes(`${stream}@1`));
    const kept = await the.bus.parked(group.name);
    expect(kept.map(({ parkedAt: _, ...wake }) => wake)).to.deep.equal([
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
    expect(rung).to.deep.equal([`${stream}@0`, `${stream}@0`, `${stream}@1`]);
    const lag = (await the.bus.lag()).find((row) => row.group === group.name);
    expect(lag?.parked).to.equal(1);
  });

  it('rings a parked wake again when it is asked to, until it is handled', async () => {
    const stream = executionStream();
    await append(the.store, stream, ['ExecutionExpired']);
    const group = groupNamed('retried');
    let sick = true;
    const rung = the.runs.startPoisoned(group, () => sick);
    const parked = () => the.bus.parked(group.name);
    const once = await the.eventually('it is parked', async () => (await parked())[0]);
    expect(await the.bus.retryParked(group.name, stream, 0)).to.equal(true);
    await the.eventually('it is parked again', async () => {
      const [twice] = await parked();
      return twice && twice.attempts > once.attempts;
    });
    sick = false;
    const before = rung.length;
    expect(await the.bus.retryParked(group.name, stream, 0)).to.equal(true);
    await the.eventually('it is not parked', async () => (await parked()).length === 0);
    expect(rung.slice(before)).to.deep.equal([`${stream}@0`]);
    expect(await the.bus.retryParked(group.name, stream, 0)).to.equal(false);
  });

  it('keeps parked wakes, and the wish to retry them, over a crash', async () => {
    const stream = executionStream();
    await append(the.store, stream, ['ExecutionExpired']);
    const group = groupNamed('kept');
    the.runs.startPoisoned(group, () => true);
    await the.eventually('it is parked', async () => (await the.bus.parked()).length === 1);
    await the.crash();
    expect(await the.bus.retryParked(group.name, stream, 0)).to.equal(true);
    const rung = the.runs.startPoisoned(group, () => false);
    await the.eventually('it is not parked', async () => (await the.bus.parked()).length === 0);
    expect(new Set(rung)).to.deep.equal(new Set([`${stream}@0`]));
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
    const handle = async (wake: Wake, signal: AbortSignal) => {
      started.push(keyOf(wake));
      signal.addEventListener('abort', () => setTimeout(() => held.open(), 50));
      await held.wait;
      finished.push(keyOf(wake));
    };
    the.runs.start({ ...group, handle });
    await the.eventually('two are inside', () => started.length === 2);
    await the.runs.stop();
    expect(finished).to.deep.equal(started);
    expect(started).to.have.length(2);

    const later: string[] = [];
    the.runs.start({ ...group, handle: async (wake) => note(later, keyOf(wake)) });
    await the.eventually('the rest rang', () => later.length >= 3);
    const all = streams.map((stream) => `${stream}@0`).sort();
    expect([...finished, ...later].sort()).to.deep.equal(all);
  });
}

function survivesACrash(the: Case): void {
  it('rings everything that was not finished when it crashed', async () => {
    const streams = Array.from({ length: 30 }, executionStream);
    for (const stream of streams) await append(the.store, stream, ['ExecutionExpired']);
    const held = gate();
    const group = { ...groupNamed('crashed'), concurrencyMax: 4 };
    const finished = new Set<string>();
    the.runs.start({
      ...group,
      handle: async (wake) => {
        // The second in the log hangs; others pass it.
        if (wake.stream === streams[1]) await held.wait;
        finished.add(keyOf(wake));
      },
    });
    const checkpoint = async () =>
      (await the.bus.lag()).find((row) => row.group === group.name)?.checkpoint;
    await the.eventually('the others are done', () => finished.size === 29);
    const hung = (await the.store.readStream(streams[1] ?? streams[0]!))[0]?.position ?? -1n;
    expect((await checkpoint())! < hung).to.equal(true);
    await the.crash();

    await append(the.store, executionStream(), ['ExecutionExpired']);
    the.runs.start({ ...group, handle: async (wake) => note(finished, keyOf(wake)) });
    await the.eventually('all are done', () => finished.size === 31);
    expect(finished.has(`${streams[1]}@0`)).to.equal(true);
  });
}

const note = <T>(list: T[] | Set<T>, item: T): string => {
  if (Array.isArray(list)) list.push(item);
  else list.add(item);
  return 'noted';
};

const wakeOf = (
  stream: Wake['stream'],
  revision: number,
  type: Wake['type'],
  position: bigint | undefined,
) => ({ stream, revision, type, position, attempt: 1 });

/** At least once is the promise: what rang twice counts once here. */
const unique = (wakes: readonly Wake[]): Wake[] => [
  ...new Map(wakes.map((wake) => [keyOf(wake), wake])).values(),
];
