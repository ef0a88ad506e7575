/**
 * The scheduler: turns due rows of the `timers` read model into commands. Rows follow from the log
 * alone, commands are idempotent, so a row seen twice or too late does no harm. One replica at a
 * time holds the lease; what it tried lately it leaves alone until the read model has caught up.
 *
 *   due row ──► try ──► (still there) pause 1 s ──► try ──► 2 s ──► 4 s … 60 s
 *
 * What is tried may name the pause itself: a job at a provider is asked about again and again.
 *
 * Each kind has lanes of its own, and no look at the clock waits for a lane: providers that are
 * slow to answer questions keep no deadline and no expiry waiting. Deliveries have a worker of
 * their own, which is fair to organizations (deliver-webhooks/due-deliveries.ts).
 */
import type { OrganizationId } from '../../contracts/ids.js';
import { createFairQueue, type FairQueue } from '../../domain/routing/fair-queue.js';
import { openAdaptiveLimit, type AdaptiveLimit } from '../../infra/concurrency/adaptive-limit.js';
import { pause } from '../../infra/concurrency/pause.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import {
  dueTimers,
  dueTimersOfEach,
  timerName,
  timersOfWorkBegun,
  type DueTimer,
} from '../../infra/read-store/timers.js';
import type { Infra } from '../../runtime/infra.js';
import type { Worker } from '../../infra/worker.js';
import { whileLeased } from '../../infra/leases/while-leased.js';
import { fireTimer, type TimerActions } from './fire-timer.js';

const TICK_MS = 200;
/** While nothing is due: what comes due then is this late at most. */
const IDLE_TICK_MS = 500;
const LEASE_MS = 5_000;
/** Of each kind, in one look. */
const DUE_MAX = 500;
/**
 * While more are due than one look finds, organizations are looked for as well, so that one whose
 * timers are due by the ten thousand delays nobody else's for longer than this.
 */
const FAIR_LOOK_MS = 5_000;
const FAIR_LOOK = { each: 16, limit: 1_000, amongMax: 200_000 };
/** Of each kind, at a time. */
const LANES: Readonly<Record<DueTimer['kind'], number>> = {
  'expire-execution': 64,
  'attempt-deadline': 64,
  'poll-provider-job': 256,
  'retry-attempt': 256,
  'reconcile-hold': 64,
  'expire-file': 16,
  'remove-file': 16,
  'check-batch': 16,
};
const PAUSE_FIRST_MS = 1_000;
const PAUSE_MAX_MS = 60_000;
/** More rows than this that stay due mean a read model that stands still; they come in turn. */
const TRIED_MAX = 20_000;
/** How long the timers of a killed process are waited for, before their own deadlines must do. */
const CATCH_UP_MS = 30_000;

interface Tried {
  readonly times: number;
  /** Of the monotonic clock; `Infinity` while it is in a lane. */
  readonly notBeforeMs: number;
}

interface Lanes {
  /** Organizations take turns. */
  readonly waiting: FairQueue<OrganizationId, DueTimer>;
  busy: number;
  readonly limit: AdaptiveLimit;
  /** Of the monotonic clock, when timers of each organization were last looked for. */
  fairAtMs: number;
}

interface Scheduler {
  readonly infra: Infra;
  readonly actions: TimerActions;
  readonly signal: AbortSignal;
  /** By the names of timers. */
  readonly tried: Map<string, Tried>;
  readonly lanes: Map<DueTimer['kind'], Lanes>;
  readonly firing: Set<Promise<void>>;
}

export const runTimers = (infra: Infra, actions: TimerActions): Worker => ({
  name: 'run-timers',
  run: (signal) =>
    whileLeased({
      leases: infra.leases,
      name: 'run-timers',
      holder: infra.instance,
      ttlMs: LEASE_MS,
      signal,
      work: (leased) => tickUntil(infra, actions, leased),
      onOutage: (err) => infra.log.warn({ err }, 'the lease of the timers could not be asked for'),
    }),
});

async function tickUntil(infra: Infra, actions: TimerActions, signal: AbortSignal): Promise<void> {
  const scheduler: Scheduler = {
    infra,
    actions,
    signal,
    tried: new Map(),
    lanes: new Map(),
    firing: new Set(),
  };
  const takenUp = takeUpWhatWasBegun(scheduler).catch((err: unknown) =>
    infra.log.warn({ err }, 'what a killed process had begun waits for its deadlines'),
  );
  while (!signal.aborted) {
    try {
      await tick(scheduler);
    } catch (err) {
      infra.log.warn({ err }, 'timers could not be read; trying again');
    }
    await pause(pauseOf(scheduler), signal);
  }
  await takenUp;
  while (scheduler.firing.size > 0) await Promise.all(scheduler.firing);
}

/** A look names what was tried, so looks come less often while that is much. */
function pauseOf({ tried }: Scheduler): number {
  return tried.size > 0 ? TICK_MS * (1 + tried.size / 4_000) : IDLE_TICK_MS;
}

/** In the only process over its data, nobody else can be at what was begun before it started. */
async function takeUpWhatWasBegun(scheduler: Scheduler): Promise<void> {
  const { infra, signal } = scheduler;
  const { readStore, progress, beganBefore, log } = infra;
  if (beganBefore === undefined) return;
  const giveUpAtMs = performance.now() + CATCH_UP_MS;
  const passed = () => progress.passed('timers', beganBefore, TICK_MS);
  while (!(await passed())) if (signal.aborted || performance.now() > giveUpAtMs) return;
  const begun = await timersOfWorkBegun(readStore, beganBefore);
  if (begun.length > 0) log.info({ timers: begun.length }, 'taking up what was begun');
  for (const timer of begun) admit(scheduler, timer);
}

async function tick(scheduler: Scheduler): Promise<void> {
  const { infra, tried, lanes } = scheduler;
  const { readStore, now } = infra;
  const nowMs = performance.now();
  const resting = [...tried].filter(([, { notBeforeMs }]) => notBeforeMs > nowMs);
  const kinds = KINDS.filter((kind) => (lanes.get(kind)?.waiting.size ?? 0) < DUE_MAX);
  const due = await dueTimers(readStore, now(), kinds, DUE_MAX, resting.map(nameOf));
  const dueNames = new Set(due.map(timerName));
  for (const [name, { notBeforeMs }] of tried)
    if (notBeforeMs <= nowMs && !dueNames.has(name)) tried.delete(name);
  for (const timer of due)
    if (tried.has(timerName(timer)) || tried.size < TRIED_MAX) admit(scheduler, timer);
  for (const kind of KINDS) {
    const isMore = due.filter((timer) => timer.kind === kind).length === DUE_MAX;
    if (isMore || !kinds.includes(kind)) await lookFairly(scheduler, kind, nowMs);
  }
}

const KINDS = Object.keys(LANES) as readonly DueTimer['kind'][];

const nameOf = ([name]: readonly [string, Tried]): string => name;

async function lookFairly(
  scheduler: Scheduler,
  kind: DueTimer['kind'],
  nowMs: number,
): Promise<void> {
  const { infra, tried } = scheduler;
  const own = lanesOf(scheduler, kind);
  if (nowMs - own.fairAtMs < FAIR_LOOK_MS) return;
  own.fairAtMs = nowMs;
  const due = await dueTimersOfEach(infra.readStore, infra.now(), kind, FAIR_LOOK);
  for (const timer of due)
    if ((tried.get(timerName(timer))?.notBeforeMs ?? 0) <= nowMs) admit(scheduler, timer);
}

function lanesOf({ lanes }: Scheduler, kind: DueTimer['kind']): Lanes {
  const own = lanes.get(kind) ?? {
    waiting: createFairQueue<OrganizationId, DueTimer>(() => 1),
    busy: 0,
    limit: openAdaptiveLimit(LANES[kind], () => performance.now()),
    fairAtMs: -Infinity,
  };
  lanes.set(kind, own);
  return own;
}

function admit(scheduler: Scheduler, timer: DueTimer): void {
  const { tried } = scheduler;
  const { kind, organizationId } = timer;
  const name = timerName(timer);
  const before = tried.get(name);
  if (before?.notBeforeMs === Infinity) return;
  tried.set(name, { times: (before?.times ?? 0) + 1, notBeforeMs: Infinity });
  const own = lanesOf(scheduler, kind);
  own.waiting.push(organizationId, name, timer);
  fillLanes(scheduler, own);
}

function fillLanes(scheduler: Scheduler, own: Lanes): void {
  const { signal, firing } = scheduler;
  while (!signal.aborted && own.busy < own.limit.now) {
    const timer = own.waiting.next();
    if (!timer) return;
    own.busy += 1;
    const fired = fire(scheduler, timer, own).then(() => {
      firing.delete(fired);
      own.busy -= 1;
      fillLanes(scheduler, own);
    });
    firing.add(fired);
  }
}

function aboutOf(timer: DueTimer): object {
  if (timer.kind === 'check-batch') return { stream: timer.stream };
  return 'fileId' in timer ? { fileId: timer.fileId } : { executionId: timer.executionId };
}

/** Never rejects. */
async function fire(scheduler: Scheduler, timer: DueTimer, own: Lanes): Promise<void> {
  const { infra, actions, signal, tried } = scheduler;
  const { kind, id } = timer;
  const about = aboutOf(timer);
  const group = `run-timers/${kind}`;
  let againInMs: number | undefined;
  try {
    const fired = await fireTimer(infra, actions, timer, signal);
    const { outcome } = fired;
    ({ againInMs } = fired);
    own.limit.succeeded();
    infra.metrics.handled.inc({ group, outcome });
    infra.log.debug({ kind, timer: id, ...about, outcome }, 'timer');
  } catch (err) {
    if (err instanceof StoreUnavailable) own.limit.overloaded(own.busy);
    infra.metrics.handled.inc({ group, outcome: 'threw' });
    infra.log.warn({ kind, timer: id, ...about, err }, 'a timer threw; it will be tried again');
  }
  const name = timerName(timer);
  const times = againInMs === undefined ? (tried.get(name)?.times ?? 1) : 0;
  const pauseMs = againInMs ?? Math.min(PAUSE_FIRST_MS * 2 ** (times - 1), PAUSE_MAX_MS);
  tried.set(name, { times, notBeforeMs: performance.now() + pauseMs });
}
