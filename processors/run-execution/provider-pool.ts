/**
 * What this process knows of its providers: health, load and who waits for a free place. Shared by
 * all attempts; the decisions over it are pure (domain/routing).
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

/** A place in a provider's bulkhead; given back once, with how the call ended. */
export interface Place {
  release(ending: Ending, latencyMs: number, retryAfterMs?: number): void;
}

export interface ProviderPool {
  health(): ReadonlyMap<string, ProviderHealth>;
  take(provider: Provider): Place;
  /** Resolves when a place was given back anywhere, or after `waitMs`. */
  changed(waitMs: number): Promise<void>;
}

export function openProviderPool(metrics: Metrics, now: () => number): ProviderPool {
  const known = new Map<string, ProviderHealth>();
  let waiters: (() => void)[] = [];

  const set = (provider: Provider, health: ProviderHealth): void => {
    known.set(provider.slug, health);
    metrics.bulkheadInUse.set({ provider: provider.slug }, health.inFlight);
    metrics.breakerOpen.set({ provider: provider.slug }, health.circuit.status === 'open' ? 1 : 0);
  };
  const wakeAll = (): void => {
    const woken = waiters;
    waiters = [];
    for (const wake of woken) wake();
  };

  return {
    health: () => known,
    take(provider) {
      const started = callStarted(
        known.get(provider.slug) ?? unknownHealth,
        provider.breaker,
        now(),
      );
      set(provider, started);
      const { epoch } = started.circuit;
      return {
        release(ending, latencyMs, retryAfterMs) {
          const report = { ending, epoch, latencyMs, ...(retryAfterMs && { retryAfterMs }) };
          const health = known.get(provider.slug) ?? unknownHealth;
          set(provider, callEnded(health, report, provider.breaker, now()));
          wakeAll();
        },
      };
    },
    changed: (waitMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}
