/** A model of the catalogue with its routes, from its entry in the file. */
import type { Model } from '../../contracts/catalogue/catalogue.js';
import type { ModelEntry } from '../../contracts/catalogue/model-entry.js';
import { outputSchemas } from '../../contracts/catalogue/output-schemas.js';
import type { Usage } from '../../contracts/events/execution.js';
import { priceOf } from '../../domain/pricing/price-entry.js';

export function modelOf(slug: string, entry: ModelEntry): Model {
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
    usageDefault: usageOf(entry),
    routes: entry.routes.map((route) => ({
      name: route.name ?? `${slug}/${route.provider}`,
      provider: route.provider,
      providerModel: route.provider_model,
      price: priceOf(route.price ?? {}),
      cost: priceOf(route.cost),
      priority: route.priority ?? 0,
    })),
  };
}

function usageOf({ usage_default: given = {} }: ModelEntry): Usage {
  return {
    ...(given.input_tokens !== undefined && { inputTokens: given.input_tokens }),
    ...(given.output_tokens !== undefined && { outputTokens: given.output_tokens }),
    ...(given.images !== undefined && { images: given.images }),
    ...(given.seconds !== undefined && { seconds: given.seconds }),
    ...(given.characters !== undefined && { characters: given.characters }),
  };
}
