/**
 * What is recorded of an attempt whose end is unknown: what it may have cost, and what may follow
 * (domain/execution/doubt.ts). All of it is told from the log and the catalogue in force, since the
 * process that made the call may be gone.
 */
import type { Catalogue, Model, Route } from '../../contracts/catalogue/catalogue.js';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import type { Micros } from '../../contracts/money.js';
import { doubtsOf } from '../../domain/execution/doubt.js';
import type * as Execution from '../../domain/execution/execution.js';
import { isFollowed, modelTried, triedOnOthers } from '../../domain/execution/model-tried.js';
import { costOf, estimateFor } from '../../domain/pricing/pricing.js';
import { retryDelayMs } from '../../domain/routing/backoff.js';
import type { Infra } from '../../runtime/infra.js';
import { wordsOf } from './input.js';

type InFlight = Extract<Execution.State, { status: 'processing' | 'awaitingWebhook' }>;

/** Throws on an outage of the payloads. */
export async function unknownOutcome(
  infra: Infra,
  state: InFlight,
  reason: string,
): Promise<Execution.Unknown> {
  const { request, current } = state;
  const { models, providers } = infra.catalogue.current();
  const repeatable = providers.get(current.provider)?.honoursIdempotencyKey ?? false;
  const model = models.get(modelTried(request, current));
  if (!model) return { reason, repeatable, attemptsMax: 1 };
  const route = model.routes.find(({ name }) => name === current.route);
  const cost = route && (await costMaxOf(infra, model, route, request));
  const notBefore = notBeforeOf(infra, state, model, repeatable);
  const isTooLate = notBefore !== undefined && notBefore >= request.expiresAt;
  return {
    reason,
    repeatable,
    ...(cost !== undefined && { mayHaveCost: cost }),
    ...((isFollowed(request, current, models) || hasOther(state, model)) && {
      unknownMaxCost: model.unknownMaxCost,
    }),
    ...(notBefore !== undefined && !isTooLate && { notBefore }),
    attemptsMax: isTooLate ? current.attempt : attemptsMaxOf(state, model, models),
  };
}

/**
 * A model has its own. While another follows it, its routes are what bounds them, each of which is
 * tried once; what may have been paid for is asked again.
 */
export function attemptsMaxOf(
  { request, attempts, current }: InFlight,
  model: Model,
  models: Catalogue['models'],
): number {
  const isDoubtful = doubtsOf(attempts.slice(0, -1)).length > 0;
  if (!isDoubtful && isFollowed(request, current, models)) return Number.MAX_SAFE_INTEGER;
  return model.attemptsMax + triedOnOthers(request, attempts);
}

/** To be called once it is recorded. */
export function countUnknown(
  { metrics }: Pick<Infra, 'metrics'>,
  provider: string,
  mayHaveCost: Micros = 0n,
): void {
  metrics.unknownOutcomes.inc({ provider });
  metrics.unknownCost.inc({ provider }, Number(mayHaveCost) / 1_000_000);
}

/** What a call of the route with this input costs at most; undefined where the input is gone. */
async function costMaxOf(
  infra: Infra,
  model: Model,
  route: Route,
  request: ExecutionRequested['data'],
): Promise<Micros | undefined> {
  const input = await wordsOf(infra, model, request);
  const { seconds } = request.estimatedUsage ?? {};
  return input && costOf(route.cost, estimateFor(model, input, { seconds }).usage);
}

/** Whether a provider has a route that owes us no answer. */
function hasOther({ attempts, current }: InFlight, { routes }: Model): boolean {
  const doubtful = doubtsOf(attempts).map(({ provider }) => provider);
  return routes.some(
    ({ provider }) => provider !== current.provider && !doubtful.includes(provider),
  );
}

/**
 * What was not tried yet is tried at once, and so is the first repetition under a key. Others
 * follow after a pause.
 */
function notBeforeOf(
  { now }: Infra,
  { attempts, current }: InFlight,
  { routes }: Model,
  repeatable: boolean,
): string | undefined {
  const isTried = (route: Route) => attempts.some((attempt) => attempt.route === route.name);
  const asked = attempts.filter(({ dispatchKey }) => dispatchKey === current.dispatchKey);
  if ((repeatable && asked.length < 2) || !routes.every(isTried)) return undefined;
  const delayMs = retryDelayMs({ failures: current.attempt, random: Math.random() });
  return new Date(now() + delayMs).toISOString();
}
