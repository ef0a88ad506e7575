/**
 * A circuit breaker, as a value. Whoever calls providers holds one per provider, and one per route
 * for what that route alone is refused (health.ts). It is stepped at three moments: before a call
 * (`admissionOf`), when it leaves (`dispatched`) and when it ends (`reported`).
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
 * Whose failures count (suspicion.ts): those of one execution once. When one organization made all
 * of them, the circuit is open for that organization `only`, since its input may be the cause:
 * calls of others pass as if it were closed, and a failure of another one opens it for all.
 *
 * A 429 says that the provider lives and is busy: it never opens the circuit, but rests it until
 * `throttledUntilMs`. A call that began before the last transition carries an older epoch and can
 * no longer move the circuit, so a slow failure from before the recovery does not undo it.
 */
import type { Breaker } from '../../contracts/catalogue/catalogue.js';
import { forgotten, suspected, verdictOf, type Caller, type Suspicion } from './suspicion.js';

/** How a call ended, as far as health goes; `neutral` is the caller's own doing. */
export type Ending = 'succeeded' | 'failed' | 'throttled' | 'neutral';

interface Common {
  /** Counts transitions; a call's report is valid only in the epoch in which it left. */
  readonly epoch: number;
  /** 429s in a row. */
  readonly throttles: number;
  readonly throttledUntilMs: number;
  /** Failures in a row; while it is open for one organization only, those of others. */
  readonly failures: Suspicion;
}

export type Circuit = Common &
  (
    | { readonly status: 'closed' }
    | { readonly status: 'open'; readonly untilMs: number; readonly only?: string }
    | {
        readonly status: 'half-open';
        readonly sinceMs: number;
        readonly probes: number;
        readonly successes: number;
        readonly only?: string;
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
  failures: [],
  epoch: 0,
  throttles: 0,
  throttledUntilMs: 0,
};

/** Without an organization: whether a call of any would be admitted. */
export function admissionOf(
  circuit: Circuit,
  settings: Breaker,
  nowMs: number,
  organization?: string,
): Admission {
  if (nowMs < circuit.throttledUntilMs) return wait('throttled', circuit.throttledUntilMs);
  if (circuit.status === 'closed' || isForAnother(circuit, organization)) return admitted;
  if (circuit.status === 'open')
    return nowMs >= circuit.untilMs ? admitted : wait('breaker_open', circuit.untilMs);
  if (circuit.probes < settings.halfOpenProbes) return admitted;
  const untilMs = circuit.sinceMs + settings.openMs;
  return nowMs >= untilMs ? admitted : wait('breaker_probing', untilMs);
}

/** A provider that said 429 rests until it took calls for so long without saying it again. */
const THROTTLE_DOUBT_MS = 5_000;

/** Whether the provider rests, also between two probes: nothing shows yet that it is back. */
export const restsAt = (circuit: Circuit, nowMs: number): boolean =>
  circuit.status !== 'closed' ||
  (circuit.throttles > 0 && nowMs < circuit.throttledUntilMs + THROTTLE_DOUBT_MS);

/** A call that was admitted at `nowMs` leaves. */
export function dispatched(
  circuit: Circuit,
  settings: Breaker,
  nowMs: number,
  organization: string,
): Circuit {
  if (circuit.status === 'closed' || isForAnother(circuit, organization)) return circuit;
  if (circuit.status === 'open') {
    const { untilMs: _, ...rest } = circuit;
    const probing = { status: 'half-open', sinceMs: nowMs, probes: 1, successes: 0 } as const;
    return { ...rest, ...probing, epoch: circuit.epoch + 1 };
  }
  if (circuit.probes < settings.halfOpenProbes) return { ...circuit, probes: circuit.probes + 1 };
  return { ...circuit, epoch: circuit.epoch + 1, sinceMs: nowMs, probes: 1 };
}

/** A call has ended at `nowMs`; what it says counts only in the epoch in which it left. */
export function reported(
  before: Circuit,
  report: Report,
  settings: Breaker,
  nowMs: number,
  caller: Caller,
): Circuit {
  const circuit = throttling(before, report, nowMs);
  if (report.epoch !== circuit.epoch) return circuit;
  const isOfOthers = circuit.status !== 'closed' && isForAnother(circuit, caller.organization);
  if (circuit.status === 'closed' || isOfOthers)
    return whilePassing(circuit, report.ending, settings, nowMs, caller);
  if (circuit.status === 'open') return circuit;
  return whileHalfOpen(circuit, report.ending, settings, nowMs);
}

type The<S extends Circuit['status']> = Extract<Circuit, { status: S }>;

function whilePassing(
  circuit: Circuit,
  ending: Ending,
  settings: Breaker,
  nowMs: number,
  caller: Caller,
): Circuit {
  switch (ending) {
    case 'succeeded':
      return circuit.failures.length === 0 ? circuit : { ...circuit, failures: forgotten };
    case 'failed': {
      const failures = suspected(circuit.failures, caller, settings.failuresToOpen);
      const verdict = verdictOf(failures, settings.failuresToOpen);
      if (verdict === 'all') return opened(circuit, settings, nowMs);
      if (verdict === 'none' || circuit.status !== 'closed') return { ...circuit, failures };
      // Of its own failures it stays known for all but one: the next of anybody else opens it.
      const rest = failures.slice(1);
      return { ...opened(circuit, settings, nowMs, verdict.only), failures: rest };
    }
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
        : closed(circuit);
    case 'failed':
      return { ...opened(circuit, settings, nowMs, circuit.only), failures: circuit.failures };
    case 'throttled':
    case 'neutral':
      return { ...circuit, probes };
  }
}

/** An operator holds it open: from what calls that are under way say, nothing follows. */
export const heldOpen = (circuit: Circuit, untilMs: number): Circuit => ({
  ...common(circuit),
  status: 'open',
  untilMs,
});

/** An operator puts it back: neither failures nor a 429 before are held against it. */
export const putBack = ({ epoch }: Circuit): Circuit => ({ ...closedCircuit, epoch: epoch + 1 });

/** Another process has learned that it is open, or that it is closed. */
export function openedElsewhere(circuit: Circuit, untilMs: number, only?: string): Circuit {
  if (circuit.status !== 'closed' && (circuit.only === undefined || only !== undefined))
    return circuit;
  return { ...common(circuit), status: 'open', untilMs, ...(only !== undefined && { only }) };
}

export const closedElsewhere = (circuit: Circuit): Circuit =>
  circuit.status === 'closed' ? circuit : closed(circuit);

const isForAnother = (circuit: The<'open' | 'half-open'>, organization: string | undefined) =>
  circuit.only !== undefined && circuit.only !== organization;

const opened = (circuit: Circuit, { openMs }: Breaker, nowMs: number, only?: string): Circuit => ({
  ...common(circuit),
  status: 'open',
  untilMs: nowMs + openMs,
  ...(only !== undefined && { only }),
});

const closed = (circuit: Circuit): Circuit => ({ ...common(circuit), status: 'closed' });

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

/** After a transition. */
const common = ({ epoch, throttles, throttledUntilMs }: Circuit): Common => ({
  epoch: epoch + 1,
  throttles,
  throttledUntilMs,
  failures: forgotten,
});

const admitted: Admission = { admitted: true };

const wait = (
  reason: Extract<Admission, { admitted: false }>['reason'],
  untilMs: number,
): Admission => ({ admitted: false, reason, untilMs });
