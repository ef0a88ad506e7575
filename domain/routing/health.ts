/** What is known of a provider's health by whoever calls it: circuit, load and speed. */
import type { Breaker } from '../../contracts/catalogue/catalogue.js';
import type { CanonicalCode } from '../../contracts/error-codes.js';
import { closedCircuit, dispatched, reported, type Circuit, type Ending } from './breaker.js';
import type { Report } from './breaker.js';

export interface ProviderHealth {
  readonly circuit: Circuit;
  /** Calls under way. */
  readonly inFlight: number;
  /** Moving average over successful calls; absent until the first. */
  readonly latencyMs?: number;
}

/** Of a provider that has not been called yet. */
export const unknownHealth: ProviderHealth = { circuit: closedCircuit, inFlight: 0 };

/** The call's report must carry the epoch of the circuit in the health that this returns. */
export function callStarted(health: ProviderHealth, settings: Breaker, nowMs: number) {
  const circuit = dispatched(health.circuit, settings, nowMs);
  return { ...health, circuit, inFlight: health.inFlight + 1 } satisfies ProviderHealth;
}

export function callEnded(
  health: ProviderHealth,
  report: Report & { readonly latencyMs: number },
  settings: Breaker,
  nowMs: number,
): ProviderHealth {
  return {
    ...health,
    circuit: reported(health.circuit, report, settings, nowMs),
    inFlight: Math.max(0, health.inFlight - 1),
    ...(report.ending === 'succeeded' && { latencyMs: averaged(health, report.latencyMs) }),
  };
}

/** An unknown outcome counts as a failure: the provider did not answer as it should. */
export function endingOf(
  outcome:
    | { readonly kind: 'succeeded' | 'unknown' }
    | { readonly kind: 'failed'; readonly code: CanonicalCode; readonly countsAsFailure: boolean },
): Ending {
  switch (outcome.kind) {
    case 'succeeded':
      return 'succeeded';
    case 'unknown':
      return 'failed';
    case 'failed':
      if (outcome.countsAsFailure) return 'failed';
      return outcome.code === 'MODEL_OVERLOADED' ? 'throttled' : 'neutral';
  }
}

/** The newest call weighs a fifth: about ten calls forget a spike. */
const NEWEST_WEIGHT = 0.2;

function averaged({ latencyMs }: ProviderHealth, newestMs: number): number {
  if (latencyMs === undefined) return newestMs;
  return latencyMs + NEWEST_WEIGHT * (newestMs - latencyMs);
}
