/**
 * What this process knows of its providers: health, load and who waits for a free slot. Shared by
 * all attempts; the decisions over it are pure (domain/routing).
 *
 * A slot that is given back wakes who has waited longest for that provider, and nobody else; a
 * circuit that closes or opens wakes all. A wake is only a hint: whoever is woken looks again.
 */
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import type { Ending } from '../../domain/routing/breaker.js';
import {
  callEnded,
  callStarted,
  unknownHealth,
  type ProviderHealth,
} from '../../domain/routing/health.js';
import { StoreOverloaded } from '../../infra/event-store/port.js';
import type { Metrics } from '../../infra/metrics.js';

/** A slot in a provider's bulkhead; given back once, with how the call ended. */
export interface ProviderSlot {
  release(ending: Ending, latencyMs: number, retryAfterMs?: number): void;
}

export interface ProviderPool {
  health(): ReadonlyMap<string, ProviderHealth>;
  take(provider: Provider): ProviderSlot;
  /**
   * Resolves when one of these providers has a slot again, after `waitMs`, or on abort. Throws
   * `StoreOverloaded`, which the bus takes for nobody's fault, when the waiting room is full and
   * nothing moves in it. `sinceMs` (monotonic) is when the caller began to wait.
   */
  changed(
    providers: readonly string[],
    waitMs: number,
    sinceMs: number,
    signal: AbortSignal,
  ): Promise<void>;
}

export interface WaitingRoom {
  /** Past it nobody is taken in, nor back, while the room stands still. */
  readonly waitersMax: number;
  /** The room stands still when somebody has waited for longer. */
  readonly stillMs: number;
}

interface Waiter {
  readonly providers: readonly string[];
  readonly sinceMs: number;
  readonly wake: () => void;
}

export function openProviderPool(
  { bulkheadInUse, breakerOpen }: Pick<Metrics, 'bulkheadInUse' | 'breakerOpen'>,
  now: () => number,
  { waitersMax, stillMs }: WaitingRoom,
): ProviderPool {
  const known = new Map<string, ProviderHealth>();
  const waiters = new Set<Waiter>();

  const healthOf = (slug: string) => known.get(slug) ?? unknownHealth;
  const set = ({ slug: provider }: Provider, health: ProviderHealth): void => {
    known.set(provider, health);
    bulkheadInUse.set({ provider }, health.inFlight);
    breakerOpen.set({ provider }, health.circuit.status === 'open' ? 1 : 0);
  };
  const wakeAll = (slug: string): void => {
    for (const { providers, wake } of waiters) if (providers.includes(slug)) wake();
  };
  const wakeOldest = (slug: string): void => {
    let oldest: Waiter | undefined;
    for (const waiter of waiters)
      if (waiter.sinceMs < (oldest?.sinceMs ?? Infinity) && waiter.providers.includes(slug))
        oldest = waiter;
    oldest?.wake();
  };
  const standsStill = (): boolean => {
    const longAgoMs = performance.now() - stillMs;
    for (const { sinceMs } of waiters) if (sinceMs < longAgoMs) return true;
    return false;
  };

  return {
    health: () => known,
    take(provider) {
      const { slug, breaker } = provider;
      const started = callStarted(healthOf(slug), breaker, now());
      set(provider, started);
      const { epoch } = started.circuit;
      return {
        release(ending, latencyMs, retryAfterMs) {
          const report = { ending, epoch, latencyMs, ...(retryAfterMs && { retryAfterMs }) };
          const before = healthOf(slug);
          const health = callEnded(before, report, breaker, now());
          set(provider, health);
          if (health.circuit.epoch === before.circuit.epoch) wakeOldest(slug);
          else wakeAll(slug);
        },
      };
    },
    changed(providers, waitMs, sinceMs, signal) {
      if (waiters.size >= waitersMax && standsStill())
        throw new StoreOverloaded('too many executions wait for a slot at a provider');
      return new Promise((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', wake);
          waiters.delete(waiter);
          resolve();
        };
        const waiter: Waiter = { providers, sinceMs, wake };
        const timer = setTimeout(wake, waitMs);
        signal.addEventListener('abort', wake, { once: true });
        waiters.add(waiter);
        if (signal.aborted) wake();
      });
    },
  };
}
