/** Why an execution went where it went, attempt by attempt: for operators only. */
import type { PricesPublished } from '../../contracts/events/catalogue.js';
import type {
  ExecutionRequested,
  ProviderDispatched,
  Usage,
} from '../../contracts/events/execution.js';
import type { RouteCandidate } from '../../contracts/events/route-candidate.js';
import { formatMoney } from '../../contracts/money.js';
import { streamOf } from '../../contracts/streams.js';
import { priceOf } from '../../domain/pricing/price-entry.js';
import { costOf } from '../../domain/pricing/pricing.js';
import { knownOf, whyOf } from '../../domain/routing/explanation.js';
import type { EventStore } from '../../infra/event-store/port.js';
import type { Fact } from './operator-view.js';

type Requested = ExecutionRequested['data'];
type Dispatched = ProviderDispatched['data'];
type Published = PricesPublished['data']['models'][number];

/** Undefined of an execution that was never accepted. */
export async function routingView(store: Pick<EventStore, 'readStream'>, facts: readonly Fact[]) {
  const requested = facts.find(({ type }) => type === 'ExecutionRequested')?.data;
  if (!requested) return undefined;
  const request = requested as Requested;
  const events = await store.readStream(streamOf('catalogue', request.catalogueVersion));
  const published = (events as unknown as readonly PricesPublished[]).flatMap(
    ({ data }) => data.models,
  );
  const attempts = facts.flatMap(({ type, data }) => (type === 'ProviderDispatched' ? [data] : []));
  return {
    execution_id: request.executionId,
    model: request.model,
    fallback_models: request.fallbackModels ?? [],
    require: request.require ?? {},
    catalogue_version: request.catalogueVersion,
    estimated_usage: request.estimatedUsage ?? null,
    decisions: attempts.map((attempt) => decisionOf(request, attempt, published)),
  };
}

function decisionOf(request: Requested, attempt: Dispatched, published: readonly Published[]) {
  const { model = request.model, candidates, route, provider, account, at } = attempt;
  const routes = published.find(({ slug }) => slug === model);
  const chosen = candidates.find((candidate) => candidate.route === route);
  return {
    attempt: attempt.attempt,
    at,
    model,
    route,
    provider,
    account: account ?? null,
    why: chosen ? whyOf(chosen, chosen) : 'was taken',
    candidates: candidates.map((candidate) => ({
      route: candidate.route,
      provider: candidate.provider,
      score: candidate.score,
      is_chosen: candidate.route === route,
      skipped: candidate.skipped ?? null,
      why: whyOf(candidate, chosen),
      known: knownOf(candidate) ?? null,
      ...pricesOf(candidate, routes, request.estimatedUsage),
    })),
  };
}

/** By the catalogue version of the acceptance, for the most that was estimated to be used. */
function pricesOf(
  { route: name }: RouteCandidate,
  model: Published | undefined,
  usage: Usage | undefined,
) {
  const route = model?.routes.find((one) => one.name === name);
  if (!route || !model) return { price: null, provider_cost: null };
  const { price, priceTiers, cost, costTiers } = route;
  const used = usage ?? model.usageDefault;
  const of = (entry: typeof price, tiers: typeof priceTiers) =>
    formatMoney(costOf(priceOf({ ...entry, ...(tiers && { tiers }) }), used));
  return { price: of(price, priceTiers), provider_cost: of(cost, costTiers) };
}
