/**
 * A call's place at a provider: its slot in the bulkhead, and the account that it is made with. How
 * it ended is kept as an observation of its route, and told to the account.
 */
import type { Provider, Route } from '../../contracts/catalogue/catalogue.js';
import { observed, type Observation } from '../../domain/routing/observation.js';
import { withAccount } from '../../domain/routing/provider-account.js';
import type { Infra } from '../../runtime/infra.js';
import { openAccountLimits, type AccountLimits } from './account-limits.js';
import type { ProviderPool, ProviderSlot } from './provider-pool.js';
import { openProviderSlots, type ProviderSlots } from './provider-slots.js';

/** What this process knows of routes and accounts, beside the health of providers. */
export interface KnownRoutes {
  readonly limits: AccountLimits;
  readonly slots: ProviderSlots;
  /** By the names of routes. */
  readonly observations: Map<string, Observation>;
  readonly now: () => number;
}

export const openKnownRoutes = (infra: Infra, pool: ProviderPool): KnownRoutes => {
  const { limitShares: shares, slotShares, catalogue, instance, log, now } = infra;
  return {
    limits: openAccountLimits({ shares, instance, log, now }),
    slots: openProviderSlots({
      shares: slotShares,
      instance,
      log,
      providers: () => catalogue.current().providers,
      inFlight: (slug) => pool.health().get(slug)?.inFlight ?? 0,
      clock: () => performance.now(),
    }),
    observations: new Map(),
    now,
  };
};

export interface RouteSlot {
  readonly slot: ProviderSlot;
  /** With the credential of its account. */
  readonly provider: Provider;
  readonly account?: string;
}

interface Calling {
  readonly route: Route;
  readonly provider: Provider;
  /** As estimated. */
  readonly tokens: number;
  /** Where the call repeats another one under its key. */
  readonly account: string | undefined;
}

/** An account that said 429 without a time rests so long. */
const REST_MS = 1_000;

/** The slot of the bulkhead is the call's own from here on. */
export function openRouteSlot(known: KnownRoutes, slot: ProviderSlot, calling: Calling): RouteSlot {
  const { route, provider, tokens } = calling;
  const { limits, observations, now } = known;
  const permit = limits.take(provider, tokens, calling.account);
  return {
    provider: withAccount(provider, permit?.account),
    ...(permit && { account: permit.account }),
    slot: {
      release(ending, latencyMs, retryAfterMs, used) {
        const seen = observed(observations.get(route.name), { ending, latencyMs }, now());
        if (seen) observations.set(route.name, seen);
        permit?.end(used);
        const isOther = ending === 'throttled' && permit?.rest(retryAfterMs ?? REST_MS);
        // While another account takes calls, the provider does not rest.
        slot.release(isOther ? 'neutral' : ending, latencyMs, isOther ? undefined : retryAfterMs);
      },
    },
  };
}
