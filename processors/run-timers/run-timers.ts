/**
 * The scheduler: turns due rows of the `timers` read model into commands. Rows follow from the log
 * alone, commands are idempotent, so a row seen twice or too late does no harm. One replica at a
 * time holds the lease; what it tried lately it leaves alone until the read model has caught up.
 *
 *   due row ──► try ──► (still there) pause 1 s ──► try ──► 2 s ──► 4 s … 60 s
 */
import { progressOf } from '../../infra/read-store/progress.js';
import { dueTimers, timersOfWorkBegun, type DueTimer } from '../../infra/read-store/timers.js';
import type { Infra, Worker } from '../../infra/infra.js';
import { whileLeased } from '../../infra/leases/while-leased.js';
import { fireTimer, type TimerActions } from './fire-timer.js';

const TICK_MS = 200;
const LEASE_MS = 5_000;
const DUE_MAX = 1_000;
const FIRING_MAX = 64;
const PAUSE_FIRST_MS = 1_000;
const PAUSE_MAX_MS = 60_000;

interface Tried {
  readonly times: number;
  readonly notBeforeMs: number;
}

export const runTimers = (infra: Infra, actions: TimerActions): Worker => ({
  name: 'run-timers',
  run: (signal) =>
    whileLeased(
      infra.leases,
      'run-timers',
      infra.instance,
      LEASE_MS,
      signal,
      (leased) => tickUntil(infra, actions, leased),
      (err) => infra.log.warn({ err }, 'the lease of the timers could not be asked for'),
    ),
});

async function tickUntil(infra: Infra, actions: TimerActions, signal: AbortSignal): Promise<void> {
  const tried = new Map<string, Tried>();
  await finishWhatWasBegun(infra, actions, signal).catch((err: unknown) =>
    infra.log.warn({ err }, 'what a killed process had begun waits for its deadlines'),
  );
  while (!signal.aborted) {
    try {
      await tick(infra, actions, tried, signal);
    } catch (error) {
      infra.log.warn({ err: error }, 'timers could not be read; trying again');
    }
    await pause(TICK_MS, signal);
  }
}

/** How long the timers of a killed process are waited for, before their own deadlines must do. */
const CATCH_UP_MS = 30_000;

/** In the only process over its data, nobody else can be at what was begun before it started. */
async function finishWhatWasBegun(
  infra: Infra,
  actions: TimerActions,
  signal: AbortSignal,
): Promise<void> {
  const { readStore, beganBefore } = infra;
  if (beganBefore === undefined) return;
  if (!(await progressOf(readStore).passed('timers', beganBefore, CATCH_UP_MS))) return;
  const begun = await timersOfWorkBegun(readStore, beganBefore);
  if (begun.length > 0) infra.log.info({ timers: begun.length }, 'taking up what was begun');
  await eachBounded(begun, FIRING_MAX, (timer) => fire(infra, actions, timer, signal));
}

async function tick(
  infra: Infra,
  actions: TimerActions,
  tried: Map<string, Tried>,
  signal: AbortSignal,
): Promise<void> {
  const nowMs = infra.now();
  const due = await dueTimers(infra.readStore, nowMs, DUE_MAX);
  const dueIds = new Set(due.map(({ id }) => id));
  for (const id of tried.keys()) if (!dueIds.has(id)) tried.delete(id);
  const ready = due.filter(({ id }) => (tried.get(id)?.notBeforeMs ?? 0) <= nowMs);
  for (const { id } of ready) {
    const times = (tried.get(id)?.times ?? 0) + 1;
    const pauseMs = Math.min(PAUSE_FIRST_MS * 2 ** (times - 1), PAUSE_MAX_MS);
    tried.set(id, { times, notBeforeMs: nowMs + pauseMs });
  }
  await eachBounded(ready, FIRING_MAX, (timer) => fire(infra, actions, timer, signal));
}

async function fire(
  infra: Infra,
  actions: TimerActions,
  timer: DueTimer,
  signal: AbortSignal,
): Promise<void> {
  const { kind, id } = timer;
  try {
    const outcome = await fireTimer(infra, actions, timer, signal);
    infra.metrics.handled.inc({ group: `run-timers/${kind}`, outcome });
    infra.log.debug({ kind, timer: id, outcome }, 'timer');
  } catch (error) {
    infra.metrics.handled.inc({ group: `run-timers/${kind}`, outcome: 'threw' });
    infra.log.warn({ kind, timer: id, err: error }, 'a timer threw; it will be tried again');
  }
}

async function eachBounded<T>(
  items: readonly T[],
  atOnce: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const lane = async () => {
    for (const item of waiting) await act(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
