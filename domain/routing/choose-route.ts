/**
 * The choice of a route, with its reasons: every route of the model is a candidate, has a score and
 * is either eligible or skipped for one stated reason. The same facts always give the same choice.
 *
 * Order among the eligible: fewest failures in this execution, then score (score.ts), then the
 * catalogue's priority, then the catalogue's order. Where the best has a weight, one is drawn by
 * weight from those with a weight that are about as good; the draw follows from the execution's id
 * and the number of the attempt.
 *
 * After an attempt whose outcome is unknown, only what domain/execution/doubt.ts permits is
 * eligible. A route that may be asked again under its key comes first, and while it is only full
 * it is waited for, since that pays nothing twice.
 */
import type { Promises } from '../../contracts/catalogue/capabilities.js';
import type { Model, Provider, Route } from '../../contracts/catalogue/catalogue.js';
import type { Usage } from '../../contracts/events/execution.js';
import type { RouteCandidate } from '../../contracts/events/route-candidate.js';
import type { Writable } from '../../contracts/writable.js';
import { doubtsOf, keyFor, type AttemptEnd } from '../execution/doubt.js';
import { admissionOf, type Circuit } from './breaker.js';
import { unknownHealth, type ProviderHealth } from './health.js';
import { drawn } from './draw.js';
import { freshly, type Observation } from './observation.js';
import { forbiddenBy } from './permitted-routes.js';
import { scoresOf } from './score.js';

export interface RoutingFacts {
  readonly model: Model;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly health: ReadonlyMap<string, ProviderHealth>;
  /** Of routes, by their names. */
  readonly circuits?: ReadonlyMap<string, Circuit>;
  /** Whose execution it is. */
  readonly organization?: string;
  /** The earlier attempts of the execution. */
  readonly tried: readonly AttemptEnd[];
  /** What its caller requires of where it is worked on. */
  readonly require?: Promises | undefined;
  /** With its defaults; absent where no route of the model needs it. */
  readonly input?: Readonly<Record<string, unknown>> | undefined;
  /** What it is estimated to use; the model's default where that was not recorded. */
  readonly usage?: Usage | undefined;
  /** Of routes, by their names. */
  readonly observations?: ReadonlyMap<string, Observation>;
  /** How many calls at once it may have now; its bulkhead where that is not said. */
  readonly slotsOf?: (provider: Provider) => number;
  /** Whether the limits of a provider's accounts let a call through. */
  readonly hasRoom?: (provider: Provider) => boolean;
  /** Names the execution, for draws by weight. */
  readonly seed?: string;
  readonly nowMs: number;
}

export interface RouteChoice {
  readonly chosen?: Route;
  /** In catalogue order. */
  readonly candidates: readonly RouteCandidate[];
  /** With no `chosen`: the providers that may be eligible later. Empty: waiting cannot help. */
  readonly waitsFor: readonly string[];
  /** With no `chosen`: when the first of them is back, where all of them rest. */
  readonly restsUntilMs?: number;
}

interface Option {
  readonly route: Route;
  readonly failures: number;
  readonly score: number;
  readonly skip: Skip | undefined;
}

interface Skip {
  readonly reason: string;
  /** Whether time or another call's end may lift it. */
  readonly passes: boolean;
  /** When it passes, where that is known. */
  readonly untilMs?: number;
  readonly lacks?: string;
}

export function chooseRoute(facts: RoutingFacts): RouteChoice {
  const options = optionsOf(facts);
  const candidates = options.map((option) => candidateOf(option, facts));
  const chosen = chosenOf(options, facts);
  if (chosen) return { chosen, candidates, waitsFor: [] };
  const passing = options.filter(({ skip }) => skip?.passes);
  const waitsFor = [...new Set(passing.map(({ route }) => route.provider))];
  const untilMs = Math.min(...passing.map(({ skip }) => skip?.untilMs ?? 0));
  return {
    candidates,
    waitsFor,
    ...(untilMs > 0 && isFinite(untilMs) && { restsUntilMs: untilMs }),
  };
}

function optionsOf(facts: RoutingFacts): readonly Option[] {
  const { model, usage = model.usageDefault } = facts;
  const scores = scoresOf(model.routes, { ...facts, usage });
  const isDoubtful = doubtsOf(facts.tried).length > 0;
  const options = facts.model.routes.map((route, index): Option => {
    const skip = skipOf(route, facts);
    const score = scores[index] ?? 0;
    if (facts.tried.length === 0) return { route, failures: 0, score, skip };
    const own = facts.tried.filter((attempt) => attempt.route === route.name);
    const isAskedFirst = isDoubtful && keyOf(route, facts) !== 'new' && isPatient(own);
    return { route, failures: isAskedFirst ? -1 : own.length, score, skip };
  });
  const isAwaited = options.some(
    ({ failures, skip }) => failures < 0 && (skip === bulkheadFull || skip === atLimit),
  );
  if (!isAwaited) return options;
  return options.map((option) =>
    option.failures < 0 || option.skip ? option : { ...option, skip: elsewhere },
  );
}

/** A route is asked under its key until it left two answers open, or refused one after another. */
export const isPatient = (own: readonly AttemptEnd[]): boolean =>
  own.length < 3 && own.filter(({ ended }) => ended === 'unknown').length < 2;

const keyOf = ({ name, provider }: Route, { tried, model }: RoutingFacts): string | undefined =>
  keyFor(tried, { provider, route: name }, model.unknownMaxCost);

/** With what was known of it then. It is made for each route of each choice: field by field. */
function candidateOf(
  { route, score, skip }: Option,
  { observations, nowMs }: RoutingFacts,
): RouteCandidate {
  const candidate: Writable<RouteCandidate> = {
    route: route.name,
    provider: route.provider,
    score,
  };
  if (skip) candidate.skipped = skip.reason;
  if (skip?.lacks !== undefined) candidate.lacks = skip.lacks;
  const seen = observations && freshly(observations.get(route.name), nowMs);
  if (!seen) return candidate;
  if (seen.p90Ms !== undefined) candidate.p90Ms = seen.p90Ms;
  candidate.success = Math.round(100 * seen.successShare);
  return candidate;
}

/** So many points are no reason to give a route more than its weight. */
const ABOUT_AS_GOOD = 10;

function chosenOf(options: readonly Option[], { seed, tried }: RoutingFacts): Route | undefined {
  let best: Option | undefined;
  for (const option of options)
    if (!option.skip && (!best || inOrder(option, best) < 0)) best = option;
  if (!best || best.route.weight === undefined || seed === undefined) return best?.route;
  const leader = best;
  const asGood = options.filter(
    ({ failures, score, route, skip }) =>
      !skip &&
      failures === leader.failures &&
      score >= leader.score - ABOUT_AS_GOOD &&
      route.weight !== undefined,
  );
  const weightOf = ({ route }: Option) => route.weight ?? 0;
  return (drawn(asGood, weightOf, `${seed}.${tried.length + 1}`) ?? best).route;
}

function inOrder(a: Option, b: Option): number {
  return a.failures - b.failures || b.score - a.score || a.route.priority - b.route.priority;
}

function skipOf(route: Route, facts: RoutingFacts): Skip | undefined {
  const { providers, health, circuits, organization, tried, nowMs } = facts;
  const { require, input, slotsOf, hasRoom } = facts;
  const provider = providers.get(route.provider);
  if (!provider) return { reason: 'provider_unknown', passes: false };
  const forbidden = forbiddenBy(route, require, input);
  if (forbidden) {
    const { skipped: reason, ...lacking } = forbidden;
    return { reason, passes: false, ...lacking };
  }
  if (tried.some((attempt) => attempt.route === route.name && failedForGood(attempt)))
    return { reason: 'failed_for_good', passes: false };
  const doubt = tried.length > 0 && doubtSkip(route, provider, facts);
  if (doubt) return doubt;
  const { circuit, inFlight } = health.get(provider.slug) ?? unknownHealth;
  const { breaker } = provider;
  const admission = admissionOf(circuit, breaker, nowMs, organization);
  if (!admission.admitted)
    return { reason: admission.reason, passes: true, untilMs: admission.untilMs };
  const ofRoute = circuits?.get(route.name);
  const own = ofRoute && admissionOf(ofRoute, breaker, nowMs, organization);
  if (own && !own.admitted) return { reason: 'route_rests', passes: true, untilMs: own.untilMs };
  if (inFlight >= (slotsOf ? slotsOf(provider) : provider.bulkhead)) return bulkheadFull;
  return hasRoom && !hasRoom(provider) ? atLimit : undefined;
}

/** The route would answer the same again. */
export const failedForGood = ({ ended }: Pick<AttemptEnd, 'ended'>): boolean =>
  typeof ended === 'object' && (!ended.retryable || ended.elsewhere === true);

function doubtSkip(route: Route, provider: Provider, facts: RoutingFacts): Skip | undefined {
  const key = keyOf(route, facts);
  const isOwn = doubtsOf(facts.tried).some((doubt) => doubt.provider === provider.slug);
  if (!isOwn) return key === undefined ? elsewhere : undefined;
  const isAskable = key !== undefined && provider.honoursIdempotencyKey;
  return isAskable ? undefined : { reason: 'outcome_unknown', passes: false };
}

const bulkheadFull: Skip = { reason: 'bulkhead_full', passes: true };
const atLimit: Skip = { reason: 'limit', passes: true };
const elsewhere: Skip = { reason: 'outcome_unknown_elsewhere', passes: false };
