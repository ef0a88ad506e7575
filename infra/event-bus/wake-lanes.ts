/**
 * Who is rung when: a lane per stream, handled in order, beside others up to the bound, which
 * comes down while the store is away or too slow.
 *
 *   ready ──► ringing ──► forgotten   the lane's last wake is finished or parked
 *     ▲          ├──────► ready       the same, and the lane has later ones
 *     └─ pausing ◄┘                   the handler threw; the pause ends
 *
 * Bounded: reading waits while enough lanes are ready or too many wakes are unfinished. Cheap: no
 * timer and no lasting promise per wake.
 */
import type { StreamName } from '../../contracts/streams.js';
import { openAdaptiveLimit, type AdaptiveLimit } from '../concurrency/adaptive-limit.js';
import { isOutage } from '../event-store/outage.js';
import { StoreUnavailable, type Position } from '../event-store/port.js';
import type { Group, Wake } from './port.js';
import { openUnfinished, parkedTask } from './unfinished.js';
import type { RungWake, Task, Unfinished } from './unfinished.js';

export interface Handled {
  readonly group: string;
  readonly wake: Wake;
  /** The handler's word; `threw`, or `stopped` when it threw because the bus was stopping. */
  readonly outcome: string;
  readonly ms: number;
  readonly error?: unknown;
}

interface LanesOptions {
  readonly group: Group;
  /** Everything at and below it was finished before. */
  readonly after: Position;
  /** Given to the handlers; once it aborts, nothing more is rung. */
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that never jumps. */
  readonly clock: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly onHandled: (handled: Handled) => void;
  /** Keeps a poison wake where an operator finds it; false when it could not be kept. */
  readonly park: (wake: Wake, error: unknown) => Promise<boolean>;
  /** A parked wake was handled after all. */
  readonly unpark: (wake: Wake) => Promise<void>;
  /** A wake was handled or parked, so the checkpoint may have moved. */
  readonly onFinished: (wake: RungWake) => void;
}

export interface Lanes {
  admit(wake: RungWake): void;
  /** `attempts` is how often it had been delivered before. */
  admitParked(wake: RungWake, attempts: number): void;
  /** The log was read up to here; nothing wanted lies between the last admitted wake and it. */
  readTo(position: Position): void;
  /** Where to go on reading from. */
  readonly position: Position;
  /** Everything wanted at and below it is finished or parked. */
  readonly checkpoint: Position;
  /** Whether another wake had better wait. */
  readonly isFull: boolean;
  /** Undefined when another wake may be admitted now, else resolves when it may; for one to ask. */
  room(): Promise<void> | undefined;
  /** After the abort: resolves when what was being handled is finished. */
  quiet(): Promise<void>;
}

/** Ready lanes beyond the ringing ones: enough to keep those busy while the next batch is read. */
const READY_LANES_MAX = 256;
/** Counts also the wakes behind a slow or pausing one of their stream. About 2 MB when reached. */
const UNFINISHED_WAKES_MAX = 10_000;
/** Pauses after a throw: 100, 200, 400 … ms, at most 5 s, the last quarter of each by chance. */
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 5_000;
/** One timer ends all pauses of a group, and runs only while there are any. */
const PAUSE_TICK_MS = 25;

interface Lane {
  readonly stream: StreamName;
  readonly tasks: Task[];
  pausedUntil: number;
}

/** Whoever waits for room waits for the same. */
interface Room {
  readonly free: Promise<void>;
  readonly isThere: () => void;
}

type Next = 'finished' | 'again' | 'stopped';

interface House extends LanesOptions {
  readonly lanes: Map<StreamName, Lane>;
  readonly ready: Lane[];
  readonly pausing: Set<Lane>;
  readonly unfinished: Unfinished;
  /** Parked wakes that ring again now, so that asking twice rings once. */
  readonly retried: Set<string>;
  /** Of the wakes that ring at once. */
  readonly limit: AdaptiveLimit;
  ringing: number;
  ticker: NodeJS.Timeout | undefined;
  room: Room | undefined;
  onQuiet: (() => void) | undefined;
}

export function openLanes(options: LanesOptions): Lanes {
  const house: House = {
    ...options,
    lanes: new Map(),
    ready: [],
    pausing: new Set(),
    unfinished: openUnfinished(options.after),
    retried: new Set(),
    limit: openAdaptiveLimit(options.group.concurrencyMax, options.clock),
    ringing: 0,
    ticker: undefined,
    room: undefined,
    onQuiet: undefined,
  };
  options.signal.addEventListener('abort', () => halt(house), { once: true });
  return {
    admit: (wake) => enqueue(house, house.unfinished.add(wake)),
    admitParked: (wake, attempts) => {
      if (house.retried.has(keyOf(wake))) return;
      house.retried.add(keyOf(wake));
      enqueue(house, parkedTask(wake, attempts));
    },
    readTo: (position) => house.unfinished.readTo(position),
    get position() {
      return house.unfinished.position;
    },
    get checkpoint() {
      return house.unfinished.checkpoint;
    },
    get isFull() {
      return isFull(house);
    },
    room: () => (isFull(house) ? (house.room ??= openRoom()).free : undefined),
    quiet: async () => {
      if (house.ringing > 0) await new Promise<void>((resolve) => (house.onQuiet = resolve));
    },
  };
}

function halt(house: House): void {
  clearInterval(house.ticker);
  house.room?.isThere();
}

function openRoom(): Room {
  let isThere = () => {};
  const free = new Promise<void>((resolve) => (isThere = resolve));
  return { free, isThere };
}

function enqueue(house: House, task: Task): void {
  const lane = house.lanes.get(task.stream);
  if (lane) {
    lane.tasks.push(task);
    return;
  }
  const opened = { stream: task.stream, tasks: [task], pausedUntil: 0 };
  house.lanes.set(task.stream, opened);
  house.ready.push(opened);
  ringReady(house);
}

function ringReady(house: House): void {
  while (!house.signal.aborted && house.ringing < house.limit.now) {
    const lane = house.ready.shift();
    if (!lane) break;
    house.ringing += 1;
    void ring(house, lane);
  }
  if (house.room && !isFull(house)) {
    house.room.isThere();
    house.room = undefined;
  }
}

/** Rings a lane's first wake, and sends the lane where it belongs then. */
async function ring(house: House, lane: Lane): Promise<void> {
  const task = lane.tasks[0];
  const next = task ? await nextOf(house, task) : 'finished';
  if (next === 'finished') finish(house, lane);
  if (next === 'again') pause(house, lane, task?.attempts ?? 0);
  house.ringing -= 1;
  if (house.ringing === 0) house.onQuiet?.();
  ringReady(house);
}

async function nextOf(house: House, task: Task): Promise<Next> {
  const { group, signal, clock } = house;
  task.attempts += 1;
  const { stream, revision, type, position, attempts } = task;
  const wake: Wake = { stream, revision, type, position, attempt: attempts };
  const startedAt = clock();
  let outcome: string;
  try {
    outcome = await group.handle(wake, signal);
  } catch (error) {
    return nextAfterThrow(house, task, { wake, ms: clock() - startedAt, error });
  }
  house.limit.succeeded();
  house.onHandled({ group: group.name, wake, outcome, ms: clock() - startedAt });
  if (task.wasParked) await house.unpark(wake);
  return 'finished';
}

async function nextAfterThrow(
  house: House,
  task: Task,
  thrown: { wake: Wake; ms: number; error: unknown },
): Promise<Next> {
  const { group, signal } = house;
  const stopped = signal.aborted;
  house.onHandled({ group: group.name, outcome: stopped ? 'stopped' : 'threw', ...thrown });
  if (stopped) return 'stopped';
  // Only a store that does not answer: waiting rooms that are full must not hold up others.
  if (thrown.error instanceof StoreUnavailable) house.limit.overloaded(house.ringing);
  if (!isOutage(thrown.error)) task.failures += 1;
  if (task.failures < group.attemptsMax) return 'again';
  return (await house.park(thrown.wake, thrown.error)) ? 'finished' : 'again';
}

function finish(house: House, lane: Lane): void {
  const task = lane.tasks.shift();
  if (lane.tasks.length > 0) house.ready.push(lane);
  else house.lanes.delete(lane.stream);
  if (!task) return;
  if (task.wasParked) house.retried.delete(keyOf(task));
  else house.unfinished.remove(task);
  house.onFinished(task);
}

function pause(house: House, lane: Lane, attempts: number): void {
  const { clock, random } = house;
  const fullMs = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(attempts - 1, 16));
  lane.pausedUntil = clock() + fullMs * (0.75 + random() / 4);
  house.pausing.add(lane);
  if (!house.signal.aborted) house.ticker ??= setInterval(endPauses, PAUSE_TICK_MS, house);
}

function endPauses(house: House): void {
  const now = house.clock();
  for (const lane of house.pausing) {
    if (lane.pausedUntil > now) continue;
    house.pausing.delete(lane);
    house.ready.push(lane);
  }
  if (house.pausing.size === 0) {
    clearInterval(house.ticker);
    house.ticker = undefined;
  }
  ringReady(house);
}

const isFull = (house: House): boolean =>
  !house.signal.aborted &&
  (house.ready.length >= READY_LANES_MAX || house.unfinished.size >= UNFINISHED_WAKES_MAX);

const keyOf = ({ stream, revision }: RungWake): string => `${stream}@${revision}`;
