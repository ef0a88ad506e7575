/** An execution as it was, where it went and why, and how its price came about. */
import type {
  ExecutionCompleted,
  ExecutionRequested,
  ProviderDispatched,
} from '../../contracts/events/execution.js';
import type { PricesPublished, PublishedRoute } from '../../contracts/events/catalogue.js';
import type { ExecutionId } from '../../contracts/ids.js';
import { formatMoney } from '../../contracts/money.js';
import { streamOf } from '../../contracts/streams.js';
import { chargeOf, ratedCostOf } from '../../domain/execution/charge.js';
import { priceOf } from '../../domain/pricing/price-entry.js';
import { costLines } from '../../domain/pricing/pricing.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { StartError } from '../../infra/start-error.js';
import { operatorView, readOperatorFacts, type Fact } from '../../query-api/admin/operator-view.js';
import { routingView } from '../../query-api/admin/routing-view.js';
import type { Cut } from '../../query-api/as-of/cut.js';

type Store = Pick<EventStore, 'readStream'>;

export async function executionReplayed(store: Store, id: ExecutionId, cut: Cut) {
  const { facts, beside } = await readOperatorFacts(store, id, cut);
  const view = operatorView(facts, beside);
  if (!view) throw new StartError(`${id} was not accepted by then.`);
  const routing = await routingView(store, facts);
  const price = await priceExplained(store, view.request, facts);
  return { ...view.body, routing: routing ?? null, price };
}

/** Of what was promised when it was accepted: what was held, and once completed what it cost. */
async function priceExplained(
  store: Store,
  request: ExecutionRequested['data'],
  facts: readonly Fact[],
) {
  const { catalogueVersion, estimatedCost, holdAmount } = request;
  const promised = {
    catalogue_version: catalogueVersion,
    estimated_cost: formatMoney(estimatedCost),
    hold_amount: formatMoney(holdAmount),
  };
  const completed = dataOf<ExecutionCompleted>(facts, 'ExecutionCompleted').at(-1);
  const attempt = dataOf<ProviderDispatched>(facts, 'ProviderDispatched').find(
    (one) => one.attempt === completed?.attempt,
  );
  if (!completed || !attempt) return { ...promised, charged: null };
  const { model = request.model, route: name } = attempt;
  const route = await publishedRoute(store, { version: catalogueVersion, model, name });
  const lines = route ? costLines(ownPrice(route), completed.usage) : [];
  return {
    ...promised,
    model,
    route: name,
    usage: completed.usage,
    lines: lines.map(({ unit, unitPrice, quantity, perUnit, amount }) => ({
      unit,
      unit_price: formatMoney(unitPrice),
      quantity: `${quantity}`,
      per: `${perUnit}`,
      amount: formatMoney(amount),
    })),
    rated_cost: formatMoney(ratedCostOf(completed)),
    charged: formatMoney(chargeOf(completed, holdAmount).cost),
    provider_cost: formatMoney(completed.providerCost),
  };
}

const dataOf = <E extends { type: Fact['type']; data: object }>(
  facts: readonly Fact[],
  type: E['type'],
) => facts.filter((fact) => fact.type === type).map(({ data }) => data as unknown as E['data']);

interface RouteName {
  readonly version: string;
  readonly model: string;
  readonly name: string;
}

/** Undefined of a route that is newer than the version, and of releases that published none. */
async function publishedRoute(
  store: Store,
  { version, model: slug, name }: RouteName,
): Promise<PublishedRoute | undefined> {
  const events = await store.readStream(streamOf('catalogue', version));
  return (events as unknown as readonly PricesPublished[])
    .flatMap(({ data }) => data.models)
    .find((model) => model.slug === slug)
    ?.routes.find((route) => route.name === name);
}

const ownPrice = ({ price, priceTiers: tiers }: PublishedRoute) =>
  priceOf({ ...price, ...(tiers && { tiers }) });
