/**
 * What the waiting room does a few times a second, for queues and never for each execution: whoever
 * has waited long becomes a row, providers that are back are offered, executions whose routes have
 * all rested for too long end, rows of ended ones are deleted.
 */
import { allRest, providersOf, restMaxMs } from '../../domain/routing/waiting-queue.js';
import { pause } from '../../infra/concurrency/pause.js';
import type { Entry, Room, RoomQueue } from './waiting-entry.js';
import { serve, start } from './waiting-turns.js';

const TICK_MS = 250;
/** How long starts are counted, to know how quickly a queue moves. */
const MEASURE_MS = 2_000;
/** Executions whose time is up that are ended at one time, and read in one page. */
const ENDING_MAX = 32;
const ENDING_PAGE = 256;

export function keepHouse(room: Room, signal: AbortSignal): void {
  const endWatch = room.catalogue.onChange(() => serveAll(room));
  const timer = setInterval(() => tick(room), TICK_MS);
  const looking = lookUntil(room, signal).finally(() => room.running.delete(looking));
  room.running.add(looking);
  const halt = () => {
    endWatch();
    clearInterval(timer);
    room.entries.clear();
    room.queues.clear();
  };
  signal.addEventListener('abort', halt, { once: true });
}

/** Finds rows at the start, also those that this process had taken before it was killed. */
async function lookUntil(room: Room, signal: AbortSignal): Promise<void> {
  const { rows, log, settings } = room;
  const reach = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (err) {
      log.warn({ err }, `${what}; trying again`);
    }
  };
  await reach('rows of waiting executions cannot be given back', () => rows.giveBack());
  let keptMs = performance.now();
  while (!signal.aborted) {
    await reach('queues could not be looked for', () => rows.look());
    for (const name of rows.queues()) room.queueOf(name).isDrained = false;
    if (performance.now() - keptMs > settings.takenMs / 3) {
      keptMs = performance.now();
      await reach('rows could not be kept', () => keepRows(room));
    }
    await reach('rows of ended waits could not be deleted', () => rows.flush());
    await pause(settings.lookMs, signal);
  }
  await reach('rows of ended waits could not be deleted', () => rows.flush());
  await reach('rows of waiting executions cannot be given back', () => rows.giveBack());
}

async function keepRows({ entries, rows }: Room): Promise<void> {
  const ids = [...entries.values()].flatMap((entry) => (entry.processed ? [] : entry.executionId));
  if (ids.length > 0) await rows.keep(ids);
}

function tick(room: Room): void {
  const { rows, queues, log } = room;
  rows.flush().catch((err: unknown) => log.debug({ err }, 'rows of ended waits stay for now'));
  spill(room);
  for (const queue of [...queues.values()]) {
    if (queue.waiting.size === 0 && !queue.isTaking && !rows.hasQueue(queue.name))
      queues.delete(queue.name);
    else endLate(room, queue);
  }
  serveAll(room);
}

/** Also after an edit of the catalogue, which may bring slots. */
function serveAll(room: Room): void {
  for (const queue of [...room.queues.values()]) {
    queue.waitsFor = providersOf(queue, room.catalogue.current());
    serve(room, queue);
  }
}

/**
 * Whoever has waited long becomes a row, but where the queue moves so quickly that a row would cost
 * more than it is worth. All executions of the organization do, so that none passes an earlier one.
 */
function spill(room: Room): void {
  const { entries, rows, settings } = room;
  const nowMs = performance.now();
  for (const queue of room.queues.values()) measure(queue, nowMs);
  for (const { joinedMs, queue: name, organizationId, processed } of entries.values()) {
    if (!processed) continue;
    if (nowMs - joinedMs < settings.memoryMs) return;
    const { waiting, perMs } = room.queueOf(name);
    if (waiting.size <= perMs * settings.soonMs) continue;
    for (const entry of waiting.removeAll(organizationId)) {
      const { executionId, processed: own } = entry;
      if (own) {
        entries.delete(executionId);
        rows.add(entry).then(own.resolve, own.reject);
      } else waiting.push(organizationId, executionId, entry);
    }
  }
}

function measure(queue: RoomQueue, nowMs: number): void {
  const ms = nowMs - queue.countedSinceMs;
  if (ms < MEASURE_MS) return;
  queue.perMs = queue.started / ms;
  queue.started = 0;
  queue.countedSinceMs = nowMs;
}

/** Ends those that have waited for as long as they may while all their providers rest. */
function endLate(room: Room, queue: RoomQueue): void {
  const nowMs = room.now();
  const model = room.catalogue.current().models.get(queue.model);
  if (!allRest(queue.waitsFor, model, room.pool, nowMs)) {
    queue.restsSinceMs = undefined;
    return;
  }
  queue.restsSinceMs ??= nowMs;
  const sinceMs = nowMs - restMaxMs(queue, model);
  if (queue.restsSinceMs > sinceMs || queue.isEnding) return;
  queue.isEnding = true;
  const ending = endSince(room, queue, sinceMs)
    .catch((err: unknown) => room.log.warn({ err }, 'waiting executions could not be ended'))
    .finally(() => {
      queue.isEnding = false;
      room.running.delete(ending);
    });
  room.running.add(ending);
}

async function endSince(room: Room, queue: RoomQueue, sinceMs: number): Promise<void> {
  const due = [...queue.waiting.entries()].filter((entry) => entry.sinceMs <= sinceMs);
  for (const { executionId, processed } of due) {
    queue.waiting.remove(executionId);
    if (!processed) queue.ofRows -= 1;
  }
  await endAll(room, due);
  while (room.rows.hasQueue(queue.name) && room.signal && !room.signal.aborted) {
    const model = room.catalogue.current().models.get(queue.model);
    if (!allRest(queue.waitsFor, model, room.pool, room.now())) return;
    const page = await room.rows.takeOlder(queue.name, sinceMs, ENDING_PAGE);
    const entries = page.filter(({ executionId }) => !room.entries.has(executionId));
    await endAll(
      room,
      entries.map((execution) => ({ ...execution, joinedMs: performance.now() })),
    );
    if (page.length < ENDING_PAGE) return;
  }
}

async function endAll(room: Room, entries: Entry[]): Promise<void> {
  for (const entry of entries) room.entries.set(entry.executionId, entry);
  const left = entries.values();
  const lane = async () => {
    for (const entry of left) {
      if (room.signal?.aborted) return;
      await start(room, entry, () => undefined, true);
    }
  };
  await Promise.all(Array.from({ length: ENDING_MAX }, lane));
}
