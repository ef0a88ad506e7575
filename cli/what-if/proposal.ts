/**
 * Where a recorded execution would have gone under another catalogue, and what it would have cost.
 * No provider is called: what it used is what the recorded provider counted, what was observed of
 * routes of the same name is what was known when it was routed, and a route that could not do what
 * its input asked for cannot do it now either. Providers are taken to be well and to have room.
 */
import type { Catalogue, Model } from '../../contracts/catalogue/catalogue.js';
import type {
  ExecutionCompleted,
  ExecutionRequested,
  ProviderDispatched,
} from '../../contracts/events/execution.js';
import type { Micros } from '../../contracts/money.js';
import { costOf, holdFor } from '../../domain/pricing/pricing.js';
import { chooseRoute } from '../../domain/routing/choose-route.js';
import type { Observation } from '../../domain/routing/observation.js';

export interface Recorded {
  readonly request: ExecutionRequested['data'];
  /** Its first attempt, and the one that delivered. */
  readonly first: ProviderDispatched['data'];
  readonly last: ProviderDispatched['data'];
  readonly completed: ExecutionCompleted['data'];
}

export type Proposal =
  | {
      readonly model: string;
      readonly provider: string;
      readonly route: string;
      readonly revenue: Micros;
      readonly cost: Micros;
    }
  /** Why it would not have been accepted. */
  | { readonly refused: string };

export function proposalFor(catalogue: Catalogue, recorded: Recorded): Proposal {
  const { model: asked, fallbackModels = [] } = recorded.request;
  let refused = 'model_unknown';
  for (const slug of [asked, ...fallbackModels]) {
    const model = catalogue.models.get(slug);
    if (!model) continue;
    const proposal = onModel(catalogue, model, recorded);
    if (!('refused' in proposal)) return proposal;
    ({ refused } = proposal);
  }
  return { refused };
}

function onModel(catalogue: Catalogue, model: Model, recorded: Recorded): Proposal {
  const { request, first, completed } = recorded;
  const nowMs = Date.parse(first.at);
  const lacking = new Set(
    first.candidates.flatMap(({ route, skipped }) => (skipped === 'capability' ? [route] : [])),
  );
  const able = { ...model, routes: model.routes.filter(({ name }) => !lacking.has(name)) };
  const { chosen, candidates } = chooseRoute({
    model: able,
    providers: catalogue.providers,
    health: new Map(),
    tried: [],
    require: request.require,
    usage: request.estimatedUsage,
    observations: observationsIn(first, nowMs),
    seed: request.executionId,
    nowMs,
  });
  if (!chosen) return { refused: candidates[0]?.skipped ?? 'capability' };
  const { usage } = completed;
  const eligible = able.routes.filter(
    ({ name }) => !candidates.some(({ route, skipped }) => route === name && skipped),
  );
  const estimates = eligible.map(({ price }) =>
    costOf(price, request.estimatedUsage ?? model.usageDefault),
  );
  const hold = holdFor(estimates.reduce((most, one) => (one > most ? one : most), 0n));
  const price = costOf(chosen.price, usage);
  return {
    model: model.slug,
    provider: chosen.provider,
    route: chosen.name,
    revenue: price < hold ? price : hold,
    cost: costOf(chosen.cost, usage),
  };
}

const observationsIn = (
  { candidates }: ProviderDispatched['data'],
  atMs: number,
): ReadonlyMap<string, Observation> =>
  new Map(
    candidates.flatMap(({ route, p90Ms, success }) => {
      if (success === undefined) return [];
      const seen = { counts: [], ...(p90Ms !== undefined && { p90Ms }) };
      return [[route, { ...seen, successShare: success / 100, atMs }] as const];
    }),
  );
