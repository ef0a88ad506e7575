/** The circuits of routes: each for what the provider refuses on that route alone. */
import type { Breaker } from '../../contracts/catalogue/catalogue.js';
import { closedCircuit, dispatched, reported, type Circuit } from '../../domain/routing/breaker.js';
import { endingOfRoute, type CallEnding } from '../../domain/routing/health.js';
import type { Caller } from '../../domain/routing/suspicion.js';
import type { Metrics } from '../../infra/metrics.js';

export interface RouteCircuits {
  /** By their names; those that nothing was refused on lately may be absent. */
  all(): ReadonlyMap<string, Circuit>;
  /** A call leaves; the answer tells its end, and how the circuit was and is where it changed. */
  call(provider: string, breaker: Breaker, calling: Calling): (ending: CallEnding) => Changed;
  learn(provider: string, route: string, next: (before: Circuit) => Circuit): void;
}

/** By which route, and for whom a provider is called. */
export interface Calling extends Caller {
  readonly route: string;
}

type Changed = { readonly before: Circuit; readonly after: Circuit } | undefined;

export function openRouteCircuits(
  { routeOpen }: Pick<Metrics, 'routeOpen'>,
  now: () => number,
): RouteCircuits {
  const circuits = new Map<string, Circuit>();
  const set = (provider: string, route: string, circuit: Circuit): void => {
    circuits.set(route, circuit);
    routeOpen.set({ provider, route }, circuit.status === 'open' ? 1 : 0);
  };
  return {
    all: () => circuits,
    call(provider, breaker, calling) {
      const { route, organization } = calling;
      const known = circuits.get(route);
      const left = known && dispatched(known, breaker, now(), organization);
      if (left && left !== known) set(provider, route, left);
      const epoch = left?.epoch ?? 0;
      return (ending) => {
        const before = circuits.get(route) ?? closedCircuit;
        if (before === closedCircuit && ending !== 'refused') return undefined;
        const report = { ending: endingOfRoute(ending), epoch };
        const after = reported(before, report, breaker, now(), calling);
        if (after === before) return undefined;
        set(provider, route, after);
        return { before, after };
      };
    },
    learn: (provider, route, next) =>
      set(provider, route, next(circuits.get(route) ?? closedCircuit)),
  };
}
