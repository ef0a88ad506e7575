/** Whose turn it is when a provider has a free slot, and what becomes of whom is started. */
import type { OrganizationId } from '../../contracts/ids.js';
import { admissionOf, closedCircuit, type Circuit } from '../../domain/routing/breaker.js';
import { unknownHealth } from '../../domain/routing/health.js';
import { isOutage } from '../../infra/event-store/outage.js';
import type { Entry, Room, RoomQueue } from './waiting-entry.js';

/** While the store is away, nobody is started for so long. */
const OUTAGE_PAUSE_MS = 1_000;
/** Of one page of rows; within these, as many as the providers of its queue have slots. */
const PAGE_MIN = 32;
const PAGE_MAX = 512;

/** Starts executions that wait for this provider while it has free slots and takes calls. */
export function offer(room: Room, slug: string): void {
  if (room.queues.size === 0 || performance.now() < room.pausedUntilMs) return;
  const provider = room.catalogue.current().providers.get(slug);
  while (provider && room.signal && !room.signal.aborted) {
    const { circuit, inFlight } = room.pool.health().get(slug) ?? unknownHealth;
    if (inFlight >= provider.bulkhead || !takesCalls(room, slug)) return;
    if (inFlight >= room.slots.of(provider)) return;
    // The circuit does not count reservations, so probes are started one after another.
    const isProbing = circuit.status !== 'closed' && circuit.only === undefined;
    if (isProbing && room.pool.reserved(slug) > 0) return;
    if (!room.limits.takesMore(provider, room.pool.reserved(slug))) return;
    const entry = nextFor(room, slug);
    if (!entry) return;
    startOn(room, entry, slug);
  }
}

/**
 * Whether the provider takes calls, for any of the queue's organizations or for this one, on one
 * of the model's routes.
 */
function takesCalls(
  { catalogue, pool, now }: Room,
  slug: string,
  queue?: RoomQueue,
  organizationId?: OrganizationId,
): boolean {
  const { providers, models } = catalogue.current();
  const provider = providers.get(slug);
  if (!provider) return false;
  const isAdmitted = (circuit: Circuit) =>
    admissionOf(circuit, provider.breaker, now(), organizationId).admitted;
  if (!isAdmitted((pool.health().get(slug) ?? unknownHealth).circuit)) return false;
  const routes = (queue && models.get(queue.model)?.routes) ?? [];
  const own = routes.filter((route) => route.provider === slug);
  return (
    own.length === 0 || own.some(({ name }) => isAdmitted(pool.routes().get(name) ?? closedCircuit))
  );
}

/** How many slots of the provider those that wait here could use; of rows, a page. */
export function wantedOf({ queues, rows }: Room, slug: string): number {
  let wanted = 0;
  for (const { name, waitsFor, waiting } of queues.values())
    if (waitsFor.includes(slug)) wanted += waiting.size + (rows.hasQueue(name) ? PAGE_MIN : 0);
  return wanted;
}

const isHeldBack = (
  room: Room,
  slug: string,
  queue: RoomQueue,
  organizationId: OrganizationId,
): boolean => !takesCalls(room, slug, queue, organizationId);

/** Whoever waits in the queue is served if one of its providers has a free slot. */
export function serve(room: Room, queue: RoomQueue): void {
  refill(room, queue);
  for (const slug of queue.waitsFor) offer(room, slug);
}

/** The next of the queues that wait for the provider; that queue then comes last. */
function nextFor(room: Room, slug: string): Entry | undefined {
  for (const [name, queue] of room.queues) {
    if (!queue.waitsFor.includes(slug) || !takesCalls(room, slug, queue)) continue;
    const entry = queue.waiting.next((organizationId) =>
      isHeldBack(room, slug, queue, organizationId),
    );
    if (entry && !entry.processed) queue.ofRows -= 1;
    refill(room, queue);
    if (!entry) continue;
    queue.started += 1;
    room.queues.delete(name);
    room.queues.set(name, queue);
    return entry;
  }
  return undefined;
}

function startOn(room: Room, entry: Entry, slug: string): void {
  room.pool.reserve(slug);
  let isReserved = true;
  const beforeChoice = () => {
    if (isReserved) room.pool.cancelReservation(slug);
    isReserved = false;
  };
  const running = start(room, entry, beforeChoice, false).then((isBack) => {
    beforeChoice();
    room.running.delete(running);
    // What it lacks is not there at once: the next event or tick offers the slot again.
    if (!isBack) offer(room, slug);
  });
  room.running.add(running);
}

/** Whether it is back where it was. Never rejects. */
export async function start(
  room: Room,
  entry: Entry,
  beforeChoice: () => void,
  isLate: boolean,
): Promise<boolean> {
  const { revision } = entry;
  const how = { beforeChoice, isLate, ...(revision !== undefined && { revision }) };
  try {
    if (!room.signal) throw new Error('the waiting room is not open');
    const again = await room.start(entry, how, room.signal);
    if (!again) over(room, entry);
    else if (!room.signal.aborted) putBack(room, entry, again.queue);
    return again?.queue === entry.queue;
  } catch (error) {
    fail(room, entry, error);
    return false;
  }
}

function putBack(room: Room, entry: Entry, queueName: string): void {
  const { executionId, organizationId } = entry;
  const again = { ...entry, queue: queueName };
  room.entries.set(executionId, again);
  const queue = room.queueOf(queueName);
  queue.waiting.putBack(organizationId, executionId, again);
  if (!again.processed) queue.ofRows += 1;
}

/** It waits no longer: its notification is processed, its row goes. */
export function over(room: Room, { executionId, sinceMs, processed }: Entry): void {
  room.entries.delete(executionId);
  if (processed) processed.resolve();
  else room.rows.remove({ executionId, sinceMs });
}

/** The notification is delivered again; a row is taken again once its time is over. */
function fail(room: Room, { executionId, processed }: Entry, error: unknown): void {
  room.entries.delete(executionId);
  if (room.signal?.aborted) return;
  if (isOutage(error)) room.pausedUntilMs = performance.now() + OUTAGE_PAUSE_MS;
  if (processed) processed.reject(error);
  else room.log.warn({ executionId, err: error }, 'a waiting execution could not be started');
}

/** Takes a page of rows when few of those in memory are left. */
function refill(room: Room, queue: RoomQueue): void {
  const { rows, signal, log } = room;
  if (!rows.hasQueue(queue.name) || queue.isTaking || queue.isDrained) return;
  if (!signal || signal.aborted || !queue.waitsFor.some((slug) => takesCalls(room, slug, queue)))
    return;
  const limit = pageOf(room, queue);
  if (queue.ofRows > limit / 2) return;
  queue.isTaking = true;
  const taking = takePage(room, queue, limit)
    .catch((err: unknown) => log.warn({ err }, 'waiting executions could not be read'))
    .finally(() => {
      queue.isTaking = false;
      room.running.delete(taking);
    });
  room.running.add(taking);
}

async function takePage(room: Room, queue: RoomQueue, limit: number): Promise<void> {
  const page = await room.rows.take(queue.name, limit);
  if (room.signal?.aborted) return;
  queue.isDrained = page.length === 0;
  for (const execution of page) {
    const { executionId, organizationId } = execution;
    if (room.entries.has(executionId)) continue;
    const entry: Entry = { ...execution, joinedMs: performance.now() };
    room.entries.set(executionId, entry);
    queue.waiting.push(organizationId, executionId, entry);
    queue.ofRows += 1;
  }
  for (const slug of queue.waitsFor) offer(room, slug);
}

function pageOf({ catalogue }: Room, { waitsFor }: RoomQueue): number {
  const { providers } = catalogue.current();
  const slots = waitsFor.reduce((sum, slug) => sum + (providers.get(slug)?.bulkhead ?? 0), 0);
  return Math.min(PAGE_MAX, Math.max(PAGE_MIN, slots));
}
