/**
 * Where executions wait for a slot of a provider, or for its return. A waiting execution takes no
 * handling slot and is not looked at: it is started when its turn has come and a slot is free.
 *
 *   joined ──► in memory ──► started ──► dispatched, or over
 *     │            │ 4 s, and   ▲  └───► waits again, before the others of its organization
 *     │            ▼ slow       │
 *     └────► a row, shared ──► taken by a page when slots become free
 *   no room left, or its organization has rows
 *
 * A free slot goes to the queues that wait for its provider in turn, and in a queue to its
 * organizations in turn (domain/routing/fair-queue.ts).
 */
import type { ExecutionId } from '../../contracts/ids.js';
import type { WaitingExecution } from '../../infra/waiting-executions/port.js';
import { createFairQueue } from '../../domain/routing/fair-queue.js';
import { providersOf, queueNamed } from '../../domain/routing/waiting-queue.js';
import type { Entry, Room, RoomOptions, RoomQueue } from './waiting-entry.js';
import { keepHouse } from './waiting-housekeeping.js';
import { reportUntil } from './waiting-report.js';
import { offer, over, serve, wantedOf } from './waiting-turns.js';

export interface WaitingRoom {
  /** Serves those that wait until the signal aborts; before and after, who joins becomes a row. */
  open(signal: AbortSignal): void;
  /**
   * Resolves when no notification is needed any more: the execution was started, is over, or has
   * a row. Rejects when that failed.
   */
  join(execution: WaitingExecution, revision?: number): Promise<void>;
  /** It has a row, which may be served at once. */
  found(execution: WaitingExecution): void;
  /** It is over. */
  leave(executionId: ExecutionId): void;
  /** Resolves when nothing is being started any more, after the abort. */
  idle(): Promise<void>;
}

export function openWaitingRoom(options: RoomOptions): WaitingRoom {
  const room: Room = {
    ...options,
    catalogue: options.infra.catalogue,
    log: options.infra.log,
    now: options.infra.now,
    signal: undefined,
    entries: new Map(),
    queues: new Map(),
    running: new Set(),
    pausedUntilMs: 0,
    queueOf: (name) => queueOf(room, name),
  };
  options.pool.onRelease((provider) => {
    options.slots.freed(provider);
    offer(room, provider);
  });
  options.slots.serve({
    wanted: (provider) => wantedOf(room, provider),
    offer: (provider) => offer(room, provider),
  });
  options.limits.onRoom((provider) => offer(room, provider));
  return {
    open(signal) {
      room.signal = signal;
      options.slots.open();
      keepHouse(room, signal);
      const renewing = options.limits.run(signal).finally(() => room.running.delete(renewing));
      room.running.add(renewing);
      const reporting = reportUntil(room, options.infra, signal).finally(() =>
        room.running.delete(reporting),
      );
      room.running.add(reporting);
    },
    found: (execution) => found(room, execution),
    join: (execution, revision) => join(room, execution, revision),
    leave(executionId) {
      const entry = room.entries.get(executionId);
      if (entry && room.queues.get(entry.queue)?.waiting.remove(executionId)) over(room, entry);
      if (room.rows.queues().length > 0) room.rows.remove({ executionId });
    },
    async idle() {
      while (room.running.size > 0) await Promise.all(room.running);
    },
  };
}

function queueOf(room: Room, name: string): RoomQueue {
  const known = room.queues.get(name);
  if (known) return known;
  const described = queueNamed(name);
  const opened: RoomQueue = {
    ...described,
    name,
    waiting: createFairQueue(room.weightOf),
    waitsFor: providersOf(described, room.catalogue.current()),
    ofRows: 0,
    isTaking: false,
    isDrained: false,
    restsSinceMs: undefined,
    isEnding: false,
    started: 0,
    countedSinceMs: performance.now(),
    perMs: 0,
  };
  room.queues.set(name, opened);
  return opened;
}

function join(
  room: Room,
  execution: WaitingExecution,
  revision: number | undefined,
): Promise<void> {
  const { rows, settings, signal, entries } = room;
  const known = entries.get(execution.executionId);
  if (known) return known.processed?.promise ?? Promise.resolve();
  const isOpen = signal && !signal.aborted;
  const isFull = entries.size >= settings.entriesMax;
  if (!isOpen || isFull || rows.has(execution.queue, execution.organizationId))
    return becomeRow(room, execution);
  const processed = settledLater();
  const entry: Entry = {
    ...execution,
    ...(revision !== undefined && { revision }),
    joinedMs: performance.now(),
    processed,
  };
  entries.set(entry.executionId, entry);
  const queue = room.queueOf(entry.queue);
  queue.waiting.push(entry.organizationId, entry.executionId, entry);
  serve(room, queue);
  return processed.promise;
}

async function becomeRow(room: Room, execution: WaitingExecution): Promise<void> {
  await room.rows.add(execution);
  found(room, execution);
}

function found(room: Room, { queue: name }: WaitingExecution): void {
  if (!room.signal || room.signal.aborted) return;
  const queue = room.queueOf(name);
  queue.isDrained = false;
  serve(room, queue);
}

function settledLater(): NonNullable<Entry['processed']> {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
