/**
 * Handles the notifications of one stream in order, and those of different streams side by side, up
 * to a bound that comes down while the store is away or too slow. Each stream has a key queue:
 *
 *   ready ──► handling ──► removed   its last notification is processed or a dead letter
 *     ▲          ├───────► ready     the same, and the queue has later ones
 *     └─ pausing ◄┘                  the handler threw; the pause ends
 *
 * A deferred notification leaves its queue as a processed one does, and its task stays in flight
 * until the work behind it is done. It counts towards no bound of the dispatcher.
 *
 * Bounded: reading waits while enough queues are ready or too many notifications are in flight.
 * Cheap: no timer and no lasting promise per notification.
 */
import type { StreamName } from '../../contracts/streams.js';
import { openAdaptiveLimit, type AdaptiveLimit } from '../concurrency/adaptive-limit.js';
import { isOutage } from '../event-store/outage.js';
import { StoreUnavailable, type Position } from '../event-store/port.js';
import { openInFlightWindow, redrivenTask } from './in-flight-window.js';
import type { InFlightWindow, Task } from './in-flight-window.js';
import { unreadableIn } from './unreadable-event.js';
import type { Deferral, EventNotification, Group, Notification } from './port.js';

export interface Handled {
  readonly group: string;
  readonly notification: Notification;
  /** The handler's answer; `threw`, or `stopped` when it threw because the bus was stopping. */
  readonly outcome: string;
  readonly ms: number;
  readonly error?: unknown;
}

interface KeyDispatcherOptions {
  readonly group: Group;
  /** Everything at and below it was processed before. */
  readonly after: Position;
  /** Given to the handlers; once it aborts, no handler is called any more. */
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that never jumps. */
  readonly clock: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly onHandled: (handled: Handled) => void;
  /** Stores a dead letter for the operator; false when it could not be stored. */
  readonly addDeadLetter: (notification: Notification, error: unknown) => Promise<boolean>;
  /** A redriven dead letter was handled. */
  readonly removeDeadLetter: (notification: Notification) => Promise<void>;
  /** A notification was handled or became a dead letter, so the low watermark may have moved. */
  readonly onProcessed: (notification: EventNotification) => void;
}

export interface KeyDispatcher {
  dispatch(notification: EventNotification): void;
  /** Dispatches a dead letter that had been delivered `attempts` times. */
  redrive(notification: EventNotification, attempts: number): void;
  /** The log was read up to here: it has no subscribed event after the last dispatched one. */
  advanceTo(position: Position): void;
  /** Where to go on reading from. */
  readonly position: Position;
  /** Everything subscribed to at and below it is processed. */
  readonly lowWatermark: Position;
  readonly isFull: boolean;
  /** Undefined when it is not full, else resolves when it is not full any more. */
  capacity(): Promise<void> | undefined;
  /** After the abort: resolves when no handler is running any more. */
  idle(): Promise<void>;
}

/** Ready queues beyond the handling ones: enough for the time in which the next batch is read. */
const READY_QUEUES_MAX = 256;
/** Counts also the notifications behind a slow one of their stream. About 2 MB when reached. */
const IN_FLIGHT_MAX = 10_000;
/** Pauses after a throw: 100, 200, 400 … ms, at most 5 s, the last quarter of each by chance. */
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 5_000;
/** One timer ends all pauses of a group, and runs only while there are any. */
const PAUSE_TICK_MS = 25;

interface KeyQueue {
  readonly stream: StreamName;
  readonly tasks: Task[];
  pausedUntil: number;
}

/** All readers that wait for capacity wait for the same promise. */
interface Capacity {
  readonly free: Promise<void>;
  readonly release: () => void;
}

type Next = 'processed' | 'again' | 'stopped' | Deferral;

interface Dispatcher extends KeyDispatcherOptions {
  readonly queues: Map<StreamName, KeyQueue>;
  readonly ready: KeyQueue[];
  readonly pausing: Set<KeyQueue>;
  readonly inFlight: InFlightWindow;
  /** Dead letters that are redriven now, so that two requests deliver once. */
  readonly redriven: Set<string>;
  /** Tasks whose work goes on after their handlers. */
  readonly deferred: Set<Task>;
  /** Of the handlers that run at one time. */
  readonly limit: AdaptiveLimit;
  /** Handlers that run now. */
  handling: number;
  ticker: NodeJS.Timeout | undefined;
  capacity: Capacity | undefined;
  onIdle: (() => void) | undefined;
}

export function openKeyDispatcher(options: KeyDispatcherOptions): KeyDispatcher {
  const dispatcher: Dispatcher = {
    ...options,
    queues: new Map(),
    ready: [],
    pausing: new Set(),
    inFlight: openInFlightWindow(options.after),
    redriven: new Set(),
    deferred: new Set(),
    limit: openAdaptiveLimit(options.group.concurrencyMax, options.clock),
    handling: 0,
    ticker: undefined,
    capacity: undefined,
    onIdle: undefined,
  };
  options.signal.addEventListener('abort', () => halt(dispatcher), { once: true });
  return {
    dispatch: (notification) => enqueue(dispatcher, dispatcher.inFlight.add(notification)),
    redrive: (notification, attempts) => {
      if (dispatcher.redriven.has(keyOf(notification))) return;
      dispatcher.redriven.add(keyOf(notification));
      enqueue(dispatcher, redrivenTask(notification, attempts));
    },
    advanceTo: (position) => dispatcher.inFlight.advanceTo(position),
    get position() {
      return dispatcher.inFlight.position;
    },
    get lowWatermark() {
      return dispatcher.inFlight.lowWatermark;
    },
    get isFull() {
      return isFull(dispatcher);
    },
    capacity: () =>
      isFull(dispatcher) ? (dispatcher.capacity ??= openCapacity()).free : undefined,
    idle: async () => {
      if (dispatcher.handling > 0)
        await new Promise<void>((resolve) => (dispatcher.onIdle = resolve));
    },
  };
}

function halt(dispatcher: Dispatcher): void {
  clearInterval(dispatcher.ticker);
  dispatcher.capacity?.release();
}

function openCapacity(): Capacity {
  let release = () => {};
  const free = new Promise<void>((resolve) => (release = resolve));
  return { free, release };
}

function enqueue(dispatcher: Dispatcher, task: Task): void {
  const opened = addToQueue(dispatcher, task);
  if (!opened) return;
  dispatcher.ready.push(opened);
  handleReady(dispatcher);
}

/** Behind the others of its stream. Answers the queue when it had to be opened, in no state yet. */
function addToQueue({ queues }: Dispatcher, task: Task): KeyQueue | undefined {
  const queue = queues.get(task.stream);
  if (queue) {
    queue.tasks.push(task);
    return undefined;
  }
  const opened = { stream: task.stream, tasks: [task], pausedUntil: 0 };
  queues.set(task.stream, opened);
  return opened;
}

function handleReady(dispatcher: Dispatcher): void {
  while (!dispatcher.signal.aborted && dispatcher.handling < dispatcher.limit.now) {
    const queue = dispatcher.ready.shift();
    if (!queue) break;
    dispatcher.handling += 1;
    void handleFirst(dispatcher, queue);
  }
  if (dispatcher.capacity && !isFull(dispatcher)) {
    dispatcher.capacity.release();
    dispatcher.capacity = undefined;
  }
}

/** Handles a queue's first notification, and moves the queue to its next state. */
async function handleFirst(dispatcher: Dispatcher, queue: KeyQueue): Promise<void> {
  const task = queue.tasks[0];
  const next = task ? await nextOf(dispatcher, task) : 'processed';
  if (next === 'again') pauseQueue(dispatcher, queue, task?.attempts ?? 0);
  else if (next !== 'stopped') finishFirst(dispatcher, queue, next);
  dispatcher.handling -= 1;
  if (dispatcher.handling === 0) dispatcher.onIdle?.();
  handleReady(dispatcher);
}

async function nextOf(dispatcher: Dispatcher, task: Task): Promise<Next> {
  const { group, signal, clock } = dispatcher;
  task.attempts += 1;
  const notification = notificationOf(task);
  const startedAt = clock();
  let handled: string | Deferral;
  try {
    handled = await group.handle(notification, signal);
  } catch (error) {
    return nextAfterThrow(dispatcher, task, { notification, ms: clock() - startedAt, error });
  }
  dispatcher.limit.succeeded();
  const outcome = typeof handled === 'string' ? handled : handled.outcome;
  dispatcher.onHandled({ group: group.name, notification, outcome, ms: clock() - startedAt });
  if (typeof handled !== 'string') return handled;
  if (task.isRedriven) await dispatcher.removeDeadLetter(notification);
  return 'processed';
}

async function nextAfterThrow(
  dispatcher: Dispatcher,
  task: Task,
  thrown: { notification: Notification; ms: number; error: unknown },
): Promise<Exclude<Next, Deferral>> {
  const { group, signal } = dispatcher;
  const { notification, error } = thrown;
  const stopped = signal.aborted;
  dispatcher.onHandled({ group: group.name, outcome: stopped ? 'stopped' : 'threw', ...thrown });
  if (stopped) return 'stopped';
  // A full queue of one account must not slow other streams, so only an unanswered store counts.
  if (error instanceof StoreUnavailable) dispatcher.limit.overloaded(dispatcher.handling);
  if (unreadableIn(error)) task.failures = group.attemptsMax;
  else if (!isOutage(error)) task.failures += 1;
  if (task.failures < group.attemptsMax) return 'again';
  return (await dispatcher.addDeadLetter(notification, error)) ? 'processed' : 'again';
}

function finishFirst(dispatcher: Dispatcher, queue: KeyQueue, next: Deferral | 'processed'): void {
  const task = queue.tasks.shift();
  if (queue.tasks.length > 0) dispatcher.ready.push(queue);
  else dispatcher.queues.delete(queue.stream);
  if (!task) return;
  if (next === 'processed') finish(dispatcher, task);
  else void finishDeferred(dispatcher, task, next.processed);
}

function finish(dispatcher: Dispatcher, task: Task): void {
  if (task.isRedriven) dispatcher.redriven.delete(keyOf(task));
  else dispatcher.inFlight.remove(task);
  dispatcher.onProcessed(task);
}

/** Never rejects. Without an end, the notification is delivered again by the next process. */
async function finishDeferred(
  dispatcher: Dispatcher,
  task: Task,
  processed: Promise<void>,
): Promise<void> {
  const { deferred, clock } = dispatcher;
  const deferredAt = clock();
  deferred.add(task);
  let next: Exclude<Next, Deferral> = 'processed';
  try {
    await processed;
    if (task.isRedriven) await dispatcher.removeDeadLetter(notificationOf(task));
  } catch (error) {
    const ms = clock() - deferredAt;
    next = await nextAfterThrow(dispatcher, task, {
      notification: notificationOf(task),
      ms,
      error,
    });
  }
  deferred.delete(task);
  if (next === 'processed') finish(dispatcher, task);
  if (next === 'again') handleAgain(dispatcher, task);
}

/** Behind what came for its stream meanwhile. */
function handleAgain(dispatcher: Dispatcher, task: Task): void {
  const opened = addToQueue(dispatcher, task);
  if (opened) pauseQueue(dispatcher, opened, task.attempts);
}

function pauseQueue(dispatcher: Dispatcher, queue: KeyQueue, attempts: number): void {
  const { clock, random } = dispatcher;
  const fullMs = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(attempts - 1, 16));
  queue.pausedUntil = clock() + fullMs * (0.75 + random() / 4);
  dispatcher.pausing.add(queue);
  if (!dispatcher.signal.aborted)
    dispatcher.ticker ??= setInterval(endPauses, PAUSE_TICK_MS, dispatcher);
}

function endPauses(dispatcher: Dispatcher): void {
  const now = dispatcher.clock();
  for (const queue of dispatcher.pausing) {
    if (queue.pausedUntil > now) continue;
    dispatcher.pausing.delete(queue);
    dispatcher.ready.push(queue);
  }
  if (dispatcher.pausing.size === 0) {
    clearInterval(dispatcher.ticker);
    dispatcher.ticker = undefined;
  }
  handleReady(dispatcher);
}

const isFull = ({ signal, ready, inFlight, deferred }: Dispatcher): boolean =>
  !signal.aborted &&
  (ready.length >= READY_QUEUES_MAX || inFlight.size - deferred.size >= IN_FLIGHT_MAX);

const notificationOf = ({ stream, revision, type, position, attempts }: Task): Notification => ({
  stream,
  revision,
  type,
  position,
  attempt: attempts,
});

const keyOf = ({ stream, revision }: EventNotification): string => `${stream}@${revision}`;
