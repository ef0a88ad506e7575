/**
 * What this process knows of its providers: health and load. Shared by all attempts; the decisions
 * over it are pure (domain/routing). A slot that is given back goes to an execution that waits for
 * one (waiting-room.ts), for which it is reserved while the execution is read. When a circuit
 * opens or closes the other processes learn of it, and this one of theirs (shared-circuits.ts).
 */
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import {
  closedElsewhere,
  heldOpen,
  openedElsewhere,
  putBack,
  type Circuit,
} from '../../domain/routing/breaker.js';
import {
  callEnded,
  callStarted,
  unknownHealth,
  type CallEnding,
  type ProviderHealth,
} from '../../domain/routing/health.js';
import type { Metrics } from '../../infra/metrics.js';
import { openRouteCircuits, type Calling } from './route-circuits.js';

/** A slot in a provider's bulkhead; given back once, with how the call ended. */
export interface ProviderSlot {
  /** `tokens`: what it used, where that is known. */
  release(ending: CallEnding, latencyMs: number, retryAfterMs?: number, tokens?: number): void;
}

/** A provider, or one of its routes. */
export interface CircuitName {
  readonly provider: string;
  readonly route?: string | undefined;
}

export interface ProviderPool {
  /** Reserved slots count as calls. */
  health(): ReadonlyMap<string, ProviderHealth>;
  /** By the names of routes; those that nothing was refused on lately may be absent. */
  routes(): ReadonlyMap<string, Circuit>;
  take(provider: Provider, calling: Calling): ProviderSlot;
  /** What another process found out. */
  learnOpen(name: CircuitName, untilMs: number, only?: string): void;
  learnClosed(name: CircuitName): void;
  /** An operator holds it open, or puts it back. */
  learnHeld(name: CircuitName, untilMs: number): void;
  learnPutBack(name: CircuitName): void;
  /** Nobody finds this slot free until the reservation is cancelled. */
  reserve(provider: string): void;
  cancelReservation(provider: string): void;
  reserved(provider: string): number;
  /** Calls back after each slot that is given back. */
  onRelease(listener: (provider: string) => void): void;
  /** Calls back when this process opens or closes a circuit, or opens it for more. */
  onTransition(listener: (name: CircuitName, circuit: Circuit) => void): void;
}

type PoolMetrics = Pick<Metrics, 'bulkheadInUse' | 'breakerOpen' | 'routeOpen'>;

export function openProviderPool(metrics: PoolMetrics, now: () => number): ProviderPool {
  const known = new Map<string, ProviderHealth>();
  const routes = openRouteCircuits(metrics, now);
  const reservations = new Map<string, number>();
  let onRelease: (provider: string) => void = () => undefined;
  let onTransition: (name: CircuitName, circuit: Circuit) => void = () => undefined;

  const healthOf = (slug: string) => known.get(slug) ?? unknownHealth;
  const set = (provider: string, health: ProviderHealth): void => {
    known.set(provider, health);
    metrics.bulkheadInUse.set({ provider }, health.inFlight);
    metrics.breakerOpen.set({ provider }, health.circuit.status === 'open' ? 1 : 0);
  };
  const reserve = (slug: string, more: 1 | -1): void => {
    const health = healthOf(slug);
    set(slug, { ...health, inFlight: health.inFlight + more });
    reservations.set(slug, (reservations.get(slug) ?? 0) + more);
  };
  const learn = ({ provider, route }: CircuitName, next: (before: Circuit) => Circuit): void => {
    if (route !== undefined) routes.learn(provider, route, next);
    else set(provider, { ...healthOf(provider), circuit: next(healthOf(provider).circuit) });
    onRelease(provider);
  };

  return {
    health: () => known,
    routes: () => routes.all(),
    take({ slug, breaker }, calling) {
      const started = callStarted(healthOf(slug), breaker, now(), calling.organization);
      set(slug, started);
      const endOnRoute = routes.call(slug, breaker, calling);
      const { epoch } = started.circuit;
      return {
        release(ending, _latencyMs, retryAfterMs) {
          const report = { ending, epoch, ...(retryAfterMs && { retryAfterMs }) };
          const before = healthOf(slug);
          const after = callEnded(before, report, breaker, now(), calling);
          set(slug, after);
          if (isTransition(before.circuit, after.circuit))
            onTransition({ provider: slug }, after.circuit);
          const changed = endOnRoute(ending);
          if (changed && isTransition(changed.before, changed.after))
            onTransition({ provider: slug, route: calling.route }, changed.after);
          onRelease(slug);
        },
      };
    },
    learnOpen: (name, untilMs, only) =>
      learn(name, (circuit) => openedElsewhere(circuit, untilMs, only)),
    learnClosed: (name) => learn(name, closedElsewhere),
    learnPutBack: (name) => learn(name, putBack),
    learnHeld: (name, untilMs) => learn(name, (circuit) => heldOpen(circuit, untilMs)),
    reserve: (slug) => reserve(slug, 1),
    cancelReservation: (slug) => reserve(slug, -1),
    reserved: (slug) => reservations.get(slug) ?? 0,
    onRelease: (heard) => (onRelease = heard),
    onTransition: (heard) => (onTransition = heard),
  };
}

/** A probe between two times of rest is none: the provider rests on. */
function isTransition(before: Circuit, after: Circuit): boolean {
  if ((before.status === 'closed') !== (after.status === 'closed')) return true;
  return before.status !== 'closed' && after.status !== 'closed' && before.only !== after.only;
}
