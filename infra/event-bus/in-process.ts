/**
 * The bus of one machine: each group follows the store by a subscription from its checkpoint.
 * There is no queue that could be lost: a crash costs only that the wakes above the checkpoint ring
 * again.
 *
 * With a lease, replicas that run the same group take turns: one rings, the others stand by.
 */
import { setMaxListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pause } from '../concurrency/pause.js';
import { OUTAGE_PAUSE_MS, untilAnswered } from '../concurrency/until-answered.js';
import { START, type EventStore, type LogFilter } from '../event-store/port.js';
import type { Leases } from '../leases/port.js';
import { whileLeased } from '../leases/while-leased.js';
import type { Log } from '../logger.js';
import { openCheckpointSaver, type CheckpointSaver } from './checkpoint-saver.js';
import type { CheckpointStore } from '../checkpoints/port.js';
import { PARKED_POLL_MS, parkedRinger, parkingOf } from './parking.js';
import type { EventBus, Group, GroupLag } from './port.js';
import { openLanes, type Handled, type Lanes } from './wake-lanes.js';

interface InProcessBusOptions {
  readonly store: EventStore;
  readonly checkpoints: CheckpointStore;
  readonly log: Log;
  /** `holder` names this process among the living. */
  readonly lease?: { readonly leases: Leases; readonly holder: string };
  /** Called after every delivery: for metrics and the one wide log line of that unit of work. */
  readonly onHandled?: (handled: Handled) => void;
  /** Milliseconds of a clock that never jumps. */
  readonly clock?: () => number;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** How long a killed replica's groups stand still before another takes them. */
const LEASE_TTL_MS = 5_000;

interface Running {
  readonly lanes: Lanes;
  readonly ringParked: () => Promise<void>;
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
    parked: (group) => checkpoints.listParked(group),
    retryParked: async (group, stream, revision) => {
      const found = await checkpoints.requestRetry(group, stream, revision);
      if (found) await bus.running.get(group)?.ringParked();
      return found;
    },
    lag: () => lagOf(bus),
  };
}

async function runInTurn(bus: Bus, group: Group, signal: AbortSignal): Promise<void> {
  if (!bus.lease) return runGroup(bus, group, signal);
  const { leases, holder } = bus.lease;
  await whileLeased(
    leases,
    `event-bus/${group.name}`,
    holder,
    LEASE_TTL_MS,
    signal,
    (held) => runGroup(bus, group, held),
    (error) => bus.log.warn({ group: group.name, err: error }, 'the lease cannot be reached'),
  );
}

async function runGroup(bus: Bus, group: Group, signal: AbortSignal): Promise<void> {
  const { checkpoints, log } = bus;
  setMaxListeners(0, signal); // as many as there are handlers at work
  const onOutage = (error: unknown) =>
    log.warn({ group: group.name, err: error }, 'the checkpoint cannot be reached');
  const after = await untilAnswered(() => checkpoints.read(group.name), signal, onOutage);
  if (after === undefined) return;
  const lanes = openLanes({
    group,
    after,
    signal,
    clock: bus.clock ?? (() => performance.now()),
    random: bus.random ?? Math.random,
    onHandled: bus.onHandled ?? (() => undefined),
    ...parkingOf(bus, group),
    onFinished: () => saver.finished(),
  });
  const saver = openCheckpointSaver({
    saved: after,
    current: () => lanes.checkpoint,
    save: (position) => checkpoints.save(group.name, position),
    onOutage,
  });
  const ringParked = parkedRinger(bus, group, lanes, signal);
  bus.running.set(group.name, { lanes, ringParked });
  const poll = setInterval(() => void ringParked(), PARKED_POLL_MS);
  try {
    await ringParked();
    await follow(bus, group, { lanes, saver, signal });
  } finally {
    clearInterval(poll);
    await lanes.quiet();
    await saver.close();
    bus.running.set(group.name, undefined);
  }
}

/** Reads the log into the lanes, no faster than they take it, until the signal aborts. */
async function follow(
  { store, log }: Bus,
  group: Group,
  { lanes, saver, signal }: { lanes: Lanes; saver: CheckpointSaver; signal: AbortSignal },
): Promise<void> {
  const filter: LogFilter = { categories: group.categories, types: group.wakesOn };
  while (!signal.aborted) {
    try {
      for await (const batch of store.subscribe(lanes.position, filter, signal)) {
        for (const event of batch.events) {
          const room = lanes.room();
          if (room) await room;
          if (signal.aborted) return;
          lanes.admit(event);
        }
        lanes.readTo(batch.position);
        saver.passed();
        // Handlers may never leave the microtasks: timers and sockets get their turn here.
        await nextTurn();
      }
    } catch (error) {
      if (signal.aborted) return;
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
    checkpoint: running.get(group)?.lanes.checkpoint ?? known.get(group)?.position ?? START,
    head,
    parked: known.get(group)?.parked ?? 0,
  }));
}
