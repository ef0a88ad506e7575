/**
 * How good routes are for one execution, 0 to 100, more is better, rounded to a whole point:
 *
 *   40 × cheapest price + cost of all candidates ÷ its own, for this input
 *   25 × quickest observed 90th percentile ÷ its own            (25 when not observed: try it)
 *   20 × share of its calls that succeeded lately
 *   15 × free share of the provider's bulkhead
 *
 * Price is the caller's bill, cost is ours; their sum weighs, and never charges anybody.
 */
import type { Provider, Route } from '../../contracts/catalogue/catalogue.js';
import type { Usage } from '../../contracts/events/execution.js';
import { BYTES_PER_TOKEN } from '../pricing/input-tokens.js';
import { weighing } from '../pricing/pricing.js';
import { unknownHealth, type ProviderHealth } from './health.js';
import { freshly, type Observation } from './observation.js';

export interface ScoringFacts {
  readonly providers: ReadonlyMap<string, Provider>;
  readonly health: ReadonlyMap<string, ProviderHealth>;
  /** By the names of routes. */
  readonly observations?: ReadonlyMap<string, Observation>;
  /** What the execution is estimated to use. */
  readonly usage: Usage;
  readonly nowMs: number;
}

const POINTS = { money: 40, speed: 25, success: 20, room: 15 };

/** In the order of the routes. */
export function scoresOf(routes: readonly Route[], facts: ScoringFacts): readonly number[] {
  const { inputTokens = 0 } = facts.usage;
  const costFor = weighing({ ...facts.usage, inputTokens: inputTokens / BYTES_PER_TOKEN });
  const money = routes.map(({ price, cost }) => costFor(price) + costFor(cost));
  const cheapest = leastOf(money);
  const speeds = routes.map(({ name }) => seenOf(name, facts)?.p90Ms ?? 0);
  const quickest = leastOf(speeds.filter((ms) => ms > 0));
  return routes.map((route, index) => {
    const ms = speeds[index] ?? 0;
    return Math.round(
      POINTS.money * share(cheapest, money[index] ?? 0) +
        POINTS.speed * (ms > 0 ? share(quickest, ms) : 1) +
        POINTS.success * (seenOf(route.name, facts)?.successShare ?? 1) +
        POINTS.room * roomOf(route, facts),
    );
  });
}

function seenOf(name: string, { observations, nowMs }: ScoringFacts): Observation | undefined {
  return observations && freshly(observations.get(name), nowMs);
}

function roomOf({ provider: slug }: Route, { providers, health }: ScoringFacts): number {
  const { inFlight } = health.get(slug) ?? unknownHealth;
  return Math.max(0, 1 - inFlight / (providers.get(slug)?.bulkhead ?? 1));
}

function leastOf(numbers: readonly number[]): number {
  let least = Infinity;
  for (const number of numbers) if (number < least) least = number;
  return least;
}

/** `best` ÷ `own`, 1 when they are the same (also zero). */
const share = (best: number, own: number): number => (best === own ? 1 : best / own);
