/**
 * A provider's circuit breaker, as a value. Whoever calls providers holds one per provider and
 * steps it at three moments: before a call (`admissionOf`), when it leaves (`dispatched`) and when
 * it ends (`reported`).
 *
 *   closed ──── failuresToOpen failures in a row ─────► open
 *      ▲                                               │   ▲
 *      │                          openMs are over, and │   │ one failed probe
 *      │                          a call is dispatched ▼   │
 *      └──────── successesToClose probes succeed ──── half-open
 *
 * - closed: every call passes; a success forgets the failures before it.
 * - open: no call passes until `untilMs`.
 * - half-open: at most `halfOpenProbes` calls are under way at once. Probes that never report hold
 *   it for `openMs` only; then others are let through.
 *
 * A 429 says that the provider lives and is busy: it never opens the circuit, but rests it until
 * `throttledUntilMs`. A call that began before the last transition carries an older epoch and can
 * no longer move the circuit, so a slow failure from before the recovery does not undo it.
 */
import type { Breaker } from '../../contracts/catalogue/catalogue.js';

/** How a call ended, as far as the provider's health goes; `neutral` is the caller's own doing. */
export type Ending = 'succeeded' | 'failed' | 'throttled' | 'neutral';

interface Common {
  /** Counts transitions; a call's report is valid only in the epoch in which it left. */
  readonly epoch: number;
  /** 429s in a row. */
  readonly throttles: number;
  readonly throttledUntilMs: number;
}

export type Circuit = Common &
  (
    | { readonly status: 'closed'; readonly failures: number }
    | { readonly status: 'open'; readonly untilMs: number }
    | {
        readonly status: 'half-open';
        readonly sinceMs: number;
        readonly probes: number;
        readonly successes: number;
      }
  );

type Admission =
  | { readonly admitted: true }
  | {
      readonly admitted: false;
      readonly reason: 'breaker_open' | 'breaker_probing' | 'throttled';
      readonly untilMs: number;
    };

export interface Report {
  readonly ending: Ending;
  /** The circuit's epoch right after `dispatched`. */
  readonly epoch: number;
  /** What the provider asked for with a 429. */
  readonly retryAfterMs?: number;
}

export const closedCircuit: Circuit = {
  status: 'closed',
  failures: 0,
  epoch: 0,
  throttles: 0,
  throttledUntilMs: 0,
};

export function admissionOf(circuit: Circuit, settings: Breaker, nowMs: number): Admission {
  if (nowMs < circuit.throttledUntilMs) return wait('throttled', circuit.throttledUntilMs);
  switch (circuit.status) {
    case 'closed':
      return admitted;
    case 'open':
      return nowMs >= circuit.untilMs ? admitted : wait('breaker_open', circuit.untilMs);
    case 'half-open': {
      if (circuit.probes < settings.halfOpenProbes) return admitted;
      const untilMs = circuit.sinceMs + settings.openMs;
      return nowMs >= untilMs ? admitted : wait('breaker_probing', untilMs);
    }
  }
}

/** A provider that said 429 rests until it took calls for so long without saying it again. */
const THROTTLE_DOUBT_MS = 5_000;

/** Whether the provider rests, also between two probes: nothing shows yet that it is back. */
export const restsAt = (circuit: Circuit, nowMs: number): boolean =>
  circuit.status !== 'closed' ||
  (circuit.throttles > 0 && nowMs < circuit.throttledUntilMs + THROTTLE_DOUBT_MS);

/** A call that was admitted at `nowMs` leaves. */
export function dispatched(circuit: Circuit, settings: Breaker, nowMs: number): Circuit {
  switch (circuit.status) {
    case 'closed':
      return circuit;
    case 'open':
      return {
        ...common(circuit, 1),
        status: 'half-open',
        sinceMs: nowMs,
        probes: 1,
        successes: 0,
      };
    case 'half-open': {
      if (circuit.probes < settings.halfOpenProbes)
        return { ...circuit, probes: circuit.probes + 1 };
      return { ...circuit, epoch: circuit.epoch + 1, sinceMs: nowMs, probes: 1 };
    }
  }
}

/** A call has ended at `nowMs`; what it says counts only in the epoch in which it left. */
export function reported(
  before: Circuit,
  report: Report,
  settings: Breaker,
  nowMs: number,
): Circuit {
  const circuit = throttling(before, report, nowMs);
  if (report.epoch !== circuit.epoch) return circuit;
  switch (circuit.status) {
    case 'closed':
      return whileClosed(circuit, report.ending, settings, nowMs);
    case 'open':
      return circuit;
    case 'half-open':
      return whileHalfOpen(circuit, report.ending, settings, nowMs);
  }
}

type The<S extends Circuit['status']> = Extract<Circuit, { status: S }>;

function whileClosed(
  circuit: The<'closed'>,
  ending: Ending,
  settings: Breaker,
  nowMs: number,
): Circuit {
  switch (ending) {
    case 'succeeded':
      return circuit.failures === 0 ? circuit : { ...circuit, failures: 0 };
    case 'failed':
      return circuit.failures + 1 < settings.failuresToOpen
        ? { ...circuit, failures: circuit.failures + 1 }
        : opened(circuit, settings, nowMs);
    case 'throttled':
    case 'neutral':
      return circuit;
  }
}

function whileHalfOpen(
  circuit: The<'half-open'>,
  ending: Ending,
  settings: Breaker,
  nowMs: number,
): Circuit {
  const probes = circuit.probes - 1;
  switch (ending) {
    case 'succeeded':
      return circuit.successes + 1 < settings.successesToClose
        ? { ...circuit, probes, successes: circuit.successes + 1 }
        : { ...common(circuit, 1), status: 'closed', failures: 0 };
    case 'failed':
      return opened(circuit, settings, nowMs);
    case 'throttled':
    case 'neutral':
      return { ...circuit, probes };
  }
}

const opened = (circuit: Circuit, { openMs }: Breaker, nowMs: number): Circuit => ({
  ...common(circuit, 1),
  status: 'open',
  untilMs: nowMs + openMs,
});

/**
 * 1 s, 2 s, 4 s … up to a minute after 429s in a row. What the provider asked for is obeyed up to
 * an hour: a 429 costs nothing, so that nobody loses by asking then, and a slip of a provider does
 * not take it away for days.
 */
const THROTTLE_FIRST_MS = 1_000;
const THROTTLE_STEPS_MAX = 6;
const THROTTLE_MAX_MS = 3_600_000;

function throttling(circuit: Circuit, { ending, retryAfterMs }: Report, nowMs: number): Circuit {
  if (ending === 'succeeded' && circuit.throttles > 0) return { ...circuit, throttles: 0 };
  if (ending !== 'throttled') return circuit;
  const steps = Math.min(circuit.throttles, THROTTLE_STEPS_MAX);
  const restMs = retryAfterMs ?? Math.min(THROTTLE_FIRST_MS * 2 ** steps, 60_000);
  const untilMs = nowMs + Math.min(Math.max(restMs, 0), THROTTLE_MAX_MS);
  return {
    ...circuit,
    throttles: circuit.throttles + 1,
    throttledUntilMs: Math.max(circuit.throttledUntilMs, untilMs),
  };
}

const common = ({ epoch, throttles, throttledUntilMs }: Circuit, steps: number): Common => ({
  epoch: epoch + steps,
  throttles,
  throttledUntilMs,
});

const admitted: Admission = { admitted: true };

const wait = (
  reason: Extract<Admission, { admitted: false }>['reason'],
  untilMs: number,
): Admission => ({ admitted: false, reason, untilMs });
