/**
 * The bus of one machine: each group subscribes to the store from its checkpoint. No queue could be
 * lost: after a crash the notifications above the checkpoint are delivered again.
 *
 * With a lease, of the replicas that run the same group one delivers, and the others wait for it.
 */
import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pause } from '../concurrency/pause.js';
import { OUTAGE_PAUSE_MS, untilAnswered } from '../concurrency/until-answered.js';
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { START, type EventStore, type LogBatch, type LogFilter } from '../event-store/port.js';
import type { Leases } from '../leases/port.js';
import { whileLeased } from '../leases/while-leased.js';
import type { Log } from '../logger.js';
import { openCheckpointSaver, type CheckpointSaver } from './checkpoint-saver.js';
import type { CheckpointStore } from '../checkpoints/port.js';
import { deadLettersOf, REDRIVE_POLL_MS, redriverOf } from './dead-letters.js';
import { openKeyDispatcher, type Handled, type KeyDispatcher } from './key-dispatcher.js';
import { followNews } from './news.js';
import type { EventBus, Group, GroupLag } from './port.js';
import { unreadableIn } from './unreadable-event.js';

interface InProcessBusOptions {
  readonly store: EventStore;
  readonly checkpoints: CheckpointStore;
  readonly log: Log;
  /** `holder` names this process among the living. */
  readonly lease?: { readonly leases: Leases; readonly holder: string };
  /** Called with each event before its notification is dispatched. */
  readonly onEvent?: (event: RecordedEvent<AnyEvent>) => void;
  /** Called after every delivery: for metrics and the one wide log line of that unit of work. */
  readonly onHandled?: (handled: Handled) => void;
  /** Milliseconds of a clock that never jumps. */
  readonly clock?: () => number;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** How long nothing is delivered to the groups of a killed replica before another takes them. */
const LEASE_TTL_MS = 5_000;

interface Running {
  readonly dispatcher: KeyDispatcher;
  readonly redrive: () => Promise<void>;
}

type Bus = InProcessBusOptions & { readonly running: Map<string, Running | undefined> };

export function openInProcessBus(options: InProcessBusOptions): EventBus {
  const { checkpoints } = options;
  const bus: Bus = { ...options, running: new Map() };
  return {
    run: async (group, signal) => {
      if (bus.running.has(group.name)) {
        throw new Error(`the group ${group.name} already runs in this process`);
      }
      bus.running.set(group.name, undefined);
      setMaxListeners(0, signal); // as many as there are groups
      try {
        await runInTurn(bus, group, signal);
      } finally {
        bus.running.delete(group.name);
      }
    },
    deadLetters: (group, page) => checkpoints.deadLetters(group, page),
    redrive: async (group, stream, revision) => {
      const found = await checkpoints.requestRedrive(group, stream, revision);
      if (found) await bus.running.get(group)?.redrive();
      return found;
    },
    drop: (group, stream, revision) => checkpoints.removeDeadLetter(group, stream, revision),
    lag: () => lagOf(bus),
  };
}

async function runInTurn(bus: Bus, group: Group, signal: AbortSignal): Promise<void> {
  if (!bus.lease) return runGroup(bus, group, signal);
  await whileLeased({
    ...bus.lease,
    name: `event-bus/${group.name}`,
    ttlMs: LEASE_TTL_MS,
    signal,
    work: (held) => runGroup(bus, group, held),
    onOutage: (error) =>
      bus.log.warn({ group: group.name, err: error }, 'the lease cannot be reached'),
  });
}

async function runGroup(bus: Bus, group: Group, signal: AbortSignal): Promise<void> {
  const { checkpoints, log } = bus;
  setMaxListeners(0, signal); // as many as there are handlers at work
  const onOutage = (error: unknown) =>
    log.warn({ group: group.name, err: error }, 'the checkpoint cannot be reached');
  const after = await untilAnswered(() => checkpoints.read(group.name), signal, onOutage);
  if (after === undefined) return;
  const dispatcher = openKeyDispatcher({
    group,
    after,
    signal,
    clock: bus.clock ?? (() => performance.now()),
    random: bus.random ?? Math.random,
    onHandled: bus.onHandled ?? (() => undefined),
    ...deadLettersOf(bus, group),
    onProcessed: () => saver.processed(),
  });
  const saver = openCheckpointSaver({
    saved: after,
    current: () => dispatcher.lowWatermark,
    save: (position) => checkpoints.save(group.name, position),
    onOutage,
  });
  const redrive = redriverOf({ checkpoints, log, group, dispatcher, signal });
  bus.running.set(group.name, { dispatcher, redrive });
  const poll = setInterval(() => void redrive(), REDRIVE_POLL_MS);
  group.begin?.(signal);
  try {
    await redrive();
    await dispatchAll(bus, group, { dispatcher, saver, signal });
  } finally {
    clearInterval(poll);
    await dispatcher.idle();
    await saver.close();
    bus.running.set(group.name, undefined);
  }
}

interface Dispatching {
  readonly dispatcher: KeyDispatcher;
  readonly saver: CheckpointSaver;
  readonly signal: AbortSignal;
}

/** Dispatches the log, and what is new while the log behind the checkpoint takes long to read. */
async function dispatchAll(bus: Bus, group: Group, dispatching: Dispatching): Promise<void> {
  const { dispatcher, signal } = dispatching;
  const reading = new AbortController();
  const tell = async (events: LogBatch['events']) => {
    for (const event of events) {
      await dispatcher.capacity();
      bus.onEvent?.(event);
      dispatcher.redrive(event, 0);
    }
  };
  const isHeldUp = AbortSignal.any([signal, reading.signal]);
  const news = followNews(bus.store, filterOf(group), tell, isHeldUp);
  try {
    // An abort of what is aborted would make its reason, an error with a stack, all the same.
    const onReading = () => void (reading.signal.aborted || reading.abort());
    await dispatchLog(bus, group, { onReading, ...dispatching });
  } finally {
    reading.abort();
    await news;
  }
}

const filterOf = ({ categories, subscribesTo }: Group): LogFilter => ({
  categories,
  types: subscribesTo,
});

/** No faster than its events are handled, until the signal aborts. */
async function dispatchLog(
  { store, log, onEvent }: Bus,
  group: Group,
  { dispatcher, saver, signal, onReading }: Dispatching & { readonly onReading: () => void },
): Promise<void> {
  const filter = filterOf(group);
  while (!signal.aborted) {
    try {
      for await (const batch of store.subscribe(dispatcher.position, filter, signal)) {
        if (batch.events.length > 0 || batch.caughtUp) onReading();
        for (const event of batch.events) {
          const capacity = dispatcher.capacity();
          if (capacity) await capacity;
          if (signal.aborted) return;
          onEvent?.(event);
          dispatcher.dispatch(event);
        }
        dispatcher.advanceTo(batch.position);
        saver.passed();
        // Handlers may run in microtasks alone, so timers and sockets get their turn here.
        await nextTurn();
      }
    } catch (error) {
      if (signal.aborted) return;
      const unreadable = unreadableIn(error);
      if (unreadable) {
        dispatcher.dispatch(unreadable);
        continue;
      }
      log.error({ group: group.name, err: error }, 'the subscription broke; it is opened again');
    }
    await pause(OUTAGE_PAUSE_MS, signal);
  }
}

async function lagOf({ store, checkpoints, running }: Bus): Promise<readonly GroupLag[]> {
  const [head, saved] = await Promise.all([store.head(), checkpoints.list()]);
  const known = new Map(saved.map((checkpoint) => [checkpoint.group, checkpoint]));
  return [...new Set([...known.keys(), ...running.keys()])].sort().map((group) => ({
    group,
    checkpoint: running.get(group)?.dispatcher.lowWatermark ?? known.get(group)?.position ?? START,
    head,
    deadLetters: known.get(group)?.deadLetters ?? 0,
  }));
}
