/**
 * What this process knows of its providers: health and load. Shared by all attempts; the decisions
 * over it are pure (domain/routing). A slot that is given back goes to an execution that waits for
 * one (waiting-room.ts), for which it is reserved while the execution is read.
 */
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import type { Ending } from '../../domain/routing/breaker.js';
import {
  callEnded,
  callStarted,
  unknownHealth,
  type ProviderHealth,
} from '../../domain/routing/health.js';
import type { Metrics } from '../../infra/metrics.js';

/** A slot in a provider's bulkhead; given back once, with how the call ended. */
export interface ProviderSlot {
  release(ending: Ending, latencyMs: number, retryAfterMs?: number): void;
}

export interface ProviderPool {
  /** Reserved slots count as calls. */
  health(): ReadonlyMap<string, ProviderHealth>;
  take(provider: Provider): ProviderSlot;
  /** Nobody finds this slot free until the reservation is cancelled. */
  reserve(provider: string): void;
  cancelReservation(provider: string): void;
  reserved(provider: string): number;
  /** Calls back after each slot that is given back. */
  onRelease(listener: (provider: string) => void): void;
}

export function openProviderPool(
  { bulkheadInUse, breakerOpen }: Pick<Metrics, 'bulkheadInUse' | 'breakerOpen'>,
  now: () => number,
): ProviderPool {
  const known = new Map<string, ProviderHealth>();
  const reservations = new Map<string, number>();
  let listener: (provider: string) => void = () => undefined;

  const healthOf = (slug: string) => known.get(slug) ?? unknownHealth;
  const set = (provider: string, health: ProviderHealth): void => {
    known.set(provider, health);
    bulkheadInUse.set({ provider }, health.inFlight);
    breakerOpen.set({ provider }, health.circuit.status === 'open' ? 1 : 0);
  };
  const reserve = (slug: string, more: 1 | -1): void => {
    const health = healthOf(slug);
    set(slug, { ...health, inFlight: health.inFlight + more });
    reservations.set(slug, (reservations.get(slug) ?? 0) + more);
  };

  return {
    health: () => known,
    take({ slug, breaker }) {
      const started = callStarted(healthOf(slug), breaker, now());
      set(slug, started);
      const { epoch } = started.circuit;
      return {
        release(ending, latencyMs, retryAfterMs) {
          const report = { ending, epoch, latencyMs, ...(retryAfterMs && { retryAfterMs }) };
          set(slug, callEnded(healthOf(slug), report, breaker, now()));
          listener(slug);
        },
      };
    },
    reserve: (slug) => reserve(slug, 1),
    cancelReservation: (slug) => reserve(slug, -1),
    reserved: (slug) => reservations.get(slug) ?? 0,
    onRelease: (heard) => (listener = heard),
  };
}
