/** A model as callers read it. Neither provider, route nor our own cost shows. */
import type { Model, Route as ModelRoute } from '../../contracts/catalogue/catalogue.js';
import type { Price } from '../../contracts/catalogue/price-units.js';
import type { PublishedModel } from '../../contracts/events/catalogue.js';
import type { Usage } from '../../contracts/events/execution.js';
import { EXPIRES_IN_SECONDS_MAX } from '../../contracts/http/post-executions.js';
import type { Micros } from '../../contracts/money.js';
import { priceEntryOf, priceOf, tierEntriesOf } from '../../domain/pricing/price-entry.js';
import { costOf } from '../../domain/pricing/pricing.js';
import { capabilitiesOfModel } from '../../domain/routing/model-capabilities.js';
import { BODY_BYTES_MAX } from '../../http/server/read-body.js';

export const modelBody = (model: Model) => ({
  slug: model.slug,
  name: model.name,
  modality: model.modality,
  description: model.description,
  input_schema: model.inputSchema,
  output_schema: model.outputSchema,
  price: priceBody(dearest(model)?.price),
  capabilities: capabilitiesOfModel(model.routes),
  limits: {
    expires_in_default: model.expiresInSeconds,
    expires_in_max: EXPIRES_IN_SECONDS_MAX,
    body_bytes_max: BODY_BYTES_MAX,
  },
});

/** What is promised of a model, as it was: what describes it is of today. */
export function modelBodyThen(
  { slug, modality, usageDefault, routes }: PublishedModel,
  today: Model | undefined,
) {
  const described = today ? modelBody(today) : notOffered(slug);
  const priced = routes.map(({ price, priceTiers: tiers, capabilities }) => ({
    price: priceOf({ ...price, ...(tiers && { tiers }) }),
    ...(capabilities && { capabilities }),
  }));
  return {
    ...described,
    modality,
    price: priceBody(dearest({ routes: priced, usageDefault })?.price),
    capabilities: capabilitiesOfModel(priced),
  };
}

/** Of one that the catalogue no longer has. */
const notOffered = (slug: string) => ({
  slug,
  name: slug,
  description: 'It is not offered any more.',
  input_schema: {},
  output_schema: {},
  limits: {
    expires_in_default: EXPIRES_IN_SECONDS_MAX,
    expires_in_max: EXPIRES_IN_SECONDS_MAX,
    body_bytes_max: BODY_BYTES_MAX,
  },
});

/** The one that estimates and holds are made from. */
function dearest<R extends Pick<ModelRoute, 'price'>>({
  routes,
  usageDefault,
}: {
  readonly routes: readonly R[];
  readonly usageDefault: Usage;
}): R | undefined {
  let dearestSoFar: { route: R; cost: Micros } | undefined;
  for (const route of routes) {
    const cost = costOf(route.price, usageDefault);
    if (!dearestSoFar || cost > dearestSoFar.cost) dearestSoFar = { route, cost };
  }
  return dearestSoFar?.route;
}

function priceBody(price: Price = {}) {
  const tiers = tierEntriesOf(price);
  return { currency: 'USD', ...priceEntryOf(price), ...(tiers && { tiers }) };
}
