/** A model of the catalogue with its routes, from its entry in the file. */
import type { Capabilities } from '../../contracts/catalogue/capabilities.js';
import type { Model, Route } from '../../contracts/catalogue/catalogue.js';
import type { ModelEntry, RouteEntry } from '../../contracts/catalogue/model-entry.js';
import { outputSchemas } from '../../contracts/catalogue/output-schemas.js';
import { parseMoney } from '../../contracts/money.js';
import type { Usage } from '../../contracts/events/execution.js';
import { priceOf } from '../../domain/pricing/price-entry.js';
import type { AdapterKind } from '../vendor.js';
import { capabilitiesOf } from './capabilities-of.js';

/** `kindOf` finds the adapter that a route's provider is called by. */
export function modelOf(
  slug: string,
  entry: ModelEntry,
  kindOf: (provider: string) => AdapterKind | undefined,
): Model {
  return {
    slug,
    name: entry.name,
    description: entry.description,
    modality: entry.modality,
    inputSchema: entry.input_schema,
    outputSchema: entry.output_schema ?? outputSchemas[entry.modality],
    expiresInSeconds: entry.expires_in_seconds ?? 300,
    attemptsMax: entry.attempts_max ?? 4,
    maxWaitMs: (entry.max_wait_seconds ?? 60) * 1_000,
    unknownMaxCost: parseMoney(entry.unknown_max_cost ?? '0.01') ?? 0n,
    usageDefault: usageOf(entry),
    ...(entry.accepts && { accepts: entry.accepts }),
    ...(entry.ttl_days !== undefined && { fileTtlDays: entry.ttl_days }),
    ...(entry.payload_ttl_days !== undefined && { payloadTtlDays: entry.payload_ttl_days }),
    routes: entry.routes.map((route) =>
      routeOf(slug, route, capabilitiesOf(entry, route, kindOf(route.provider) ?? {})),
    ),
  };
}

function routeOf(slug: string, entry: RouteEntry, capabilities: Capabilities | undefined): Route {
  const { weight, promises } = entry;
  return {
    name: entry.name ?? `${slug}/${entry.provider}`,
    provider: entry.provider,
    providerModel: entry.provider_model,
    ...(entry.input_map && { inputMap: entry.input_map }),
    price: priceOf(entry.price ?? {}),
    cost: priceOf(entry.cost),
    priority: entry.priority ?? 0,
    ...(weight !== undefined && { weight }),
    ...(capabilities && { capabilities }),
    ...(promises && { promises }),
    ...(entry.request && { request: entry.request }),
  };
}

function usageOf({ usage_default: given = {} }: ModelEntry): Usage {
  return {
    ...(given.input_tokens !== undefined && { inputTokens: given.input_tokens }),
    ...(given.output_tokens !== undefined && { outputTokens: given.output_tokens }),
    ...(given.images !== undefined && { images: given.images }),
    ...(given.pixels !== undefined && { pixels: given.pixels }),
    ...(given.seconds !== undefined && { seconds: given.seconds }),
    ...(given.characters !== undefined && { characters: given.characters }),
  };
}
