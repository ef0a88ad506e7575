/**
 * What is known of a provider's health by whoever calls it: circuit and load. A route has a
 * circuit of its own for what that route alone is refused: our translation, our name of the model.
 */
import type { Breaker } from '../../contracts/catalogue/catalogue.js';
import type { CanonicalCode } from '../../contracts/error-codes.js';
import { closedCircuit, dispatched, reported, type Circuit, type Ending } from './breaker.js';
import type { Report } from './breaker.js';
import type { Caller } from './suspicion.js';

export interface ProviderHealth {
  readonly circuit: Circuit;
  /** Calls under way. */
  readonly inFlight: number;
}

/** Of a provider that has not been called yet. */
export const unknownHealth: ProviderHealth = { circuit: closedCircuit, inFlight: 0 };

/** How a call ended; `refused` counts against its route, and not against the provider. */
export type CallEnding = Ending | 'refused';

/** The call's report must carry the epoch of the circuit in the health that this returns. */
export function callStarted(
  health: ProviderHealth,
  settings: Breaker,
  nowMs: number,
  organization: string,
) {
  const circuit = dispatched(health.circuit, settings, nowMs, organization);
  return { circuit, inFlight: health.inFlight + 1 } satisfies ProviderHealth;
}

type CallReport = Omit<Report, 'ending'> & { readonly ending: CallEnding };

export function callEnded(
  health: ProviderHealth,
  report: CallReport,
  settings: Breaker,
  nowMs: number,
  caller: Caller,
): ProviderHealth {
  const ending = report.ending === 'refused' ? 'neutral' : report.ending;
  return {
    circuit: reported(health.circuit, { ...report, ending }, settings, nowMs, caller),
    inFlight: Math.max(0, health.inFlight - 1),
  };
}

/** Of a call's end, what concerns the route alone. */
export const endingOfRoute = (ending: CallEnding): Ending => {
  if (ending === 'refused') return 'failed';
  return ending === 'succeeded' ? 'succeeded' : 'neutral';
};

/** An unknown outcome counts as a failure: the provider did not answer as it should. */
export function endingOf(
  outcome:
    | { readonly kind: 'succeeded' | 'unknown' }
    | {
        readonly kind: 'failed';
        readonly code: CanonicalCode;
        readonly countsAsFailure: boolean;
        readonly elsewhere?: true;
      },
): CallEnding {
  switch (outcome.kind) {
    case 'succeeded':
      return 'succeeded';
    case 'unknown':
      return 'failed';
    case 'failed':
      if (outcome.countsAsFailure) return 'failed';
      // Another code blames what this caller asked for: other callers' input may do there.
      if (outcome.elsewhere && outcome.code === 'MODEL_UNAVAILABLE') return 'refused';
      return outcome.code === 'MODEL_OVERLOADED' ? 'throttled' : 'neutral';
  }
}
