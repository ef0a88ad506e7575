/**
 * The success of an attempt as its files show it: what was used and kept, priced as the answer of
 * the provider was, by the prices that were promised at acceptance (ADR 34).
 */
import type * as Execution from '../../domain/execution/execution.js';
import { modelTried } from '../../domain/execution/model-tried.js';
import { boundedUsage, costAt, costOf } from '../../domain/pricing/pricing.js';
import type { Usage } from '../../contracts/events/execution.js';
import type { Infra } from '../../runtime/infra.js';

export type Delivered = Extract<Execution.State, { status: 'delivered' }>;

/** Undefined where the recorded one stands: nothing new was learned, or no price is known now. */
export async function measuredSuccess(
  { prices, catalogue }: Pick<Infra, 'prices' | 'catalogue'>,
  { request, current, success }: Delivered,
  measured: Usage,
): Promise<Execution.Success | undefined> {
  const usage = boundedUsage(measured);
  const units = new Set([...Object.keys(usage), ...Object.keys(success.usage)]);
  const isSame = [...units].every(
    (unit) => usage[unit as keyof Usage] === success.usage[unit as keyof Usage],
  );
  if (isSame) return undefined;
  const model = modelTried(request, current);
  const promised = await prices.promised(request.catalogueVersion, model);
  const inForce = catalogue.current().models.get(model)?.routes;
  const now = inForce?.find(({ name }) => name === current.route);
  const route = now ?? promised?.routes.find(({ name }) => name === current.route);
  if (!route) return undefined;
  const { output, providerCost } = success;
  // What was delivered is owed, also where it could not be kept.
  const images = Math.max(usage.images ?? 0, success.usage.images ?? 0);
  const owed = images > 0 ? { ...usage, images } : usage;
  return {
    output,
    usage,
    cost: costAt(promised?.routes ?? [route], route, usage),
    providerCost: now ? costOf(now.cost, owed) : providerCost,
  };
}
