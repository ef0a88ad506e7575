/** A model as callers read it. Neither provider, route nor our own cost shows. */
import type { Model, Route as ModelRoute } from '../../contracts/catalogue/catalogue.js';
import type { Price } from '../../contracts/catalogue/price-units.js';
import { EXPIRES_IN_SECONDS_MAX } from '../../contracts/http/post-executions.js';
import type { Micros } from '../../contracts/money.js';
import { priceEntryOf, tierEntriesOf } from '../../domain/pricing/price-entry.js';
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

/** The one that estimates and holds are made from. */
function dearest({ routes, usageDefault }: Model): ModelRoute | undefined {
  let dearestSoFar: { route: ModelRoute; cost: Micros } | undefined;
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
