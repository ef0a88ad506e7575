/**
 * How the outcome of an attempt becomes an event, whether the provider answered the call itself or
 * was asked about its job later.
 *
 *   accepted  ──► ProviderAccepted
 *   succeeded ──► ExecutionCompleted, or ProviderSucceeded where files are re-hosted first
 *   failed    ──► ProviderFailed, and ExecutionFailed where no attempt may follow
 *   unknown   ──► ProviderOutcomeUnknown, and ExecutionFailed where it may not be asked again
 */
import type { Route } from '../../contracts/catalogue/catalogue.js';
import type { Loaded } from '../../command-handling/repository.js';
import { doubtsOf, keyFor } from '../../domain/execution/doubt.js';
import type * as Execution from '../../domain/execution/execution.js';
import { isFollowed } from '../../domain/execution/model-tried.js';
import { failedForGood } from '../../domain/routing/choose-route.js';
import { retryDelayMs } from '../../domain/routing/backoff.js';
import { isOutage, retryOnOutage } from '../../infra/event-store/outage.js';
import type { Payload } from '../../infra/event-store/port.js';
import type { ProviderOutcome, ProviderResult } from '../../providers/port.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';
import { callsBack } from './callback-url.js';
import type { ClaimedAttempt } from './claimed-attempt.js';
import { successOf } from './success.js';
import { attemptsMaxOf, countUnknown, unknownOutcome } from './unknown-outcome.js';

type Failed = Extract<ProviderResult, { kind: 'failed' }>;
type Accepted = Extract<ProviderOutcome, { kind: 'accepted' }>;

/**
 * The type of the command that was recorded, or why none was. An outage is waited out, also beyond
 * the deadline: nobody else can have written meanwhile, so a paid result may still be the first to
 * be recorded.
 */
export async function recordOutcome(
  infra: Infra,
  processor: string,
  attempt: ClaimedAttempt,
  outcome: ProviderOutcome,
  signal: AbortSignal,
): Promise<string> {
  const at = new Date(infra.now()).toISOString();
  let prepared: Prepared | undefined;
  try {
    return await retryOnOutage(async () => {
      prepared ??= await prepare(infra, attempt, outcome, at);
      return recordOnce(infra, processor, attempt, prepared);
    }, signal);
  } catch (err) {
    if (isOutage(err)) throw err;
    const { executionId } = attempt.claimed.state.request;
    const { dispatchKey } = attempt.claimed.state.current;
    infra.log.error({ executionId, dispatchKey, err }, 'an outcome cannot be recorded as it is');
    const command = failureOf(infra, attempt, unrecordable, at);
    return retryOnOutage(() => recordOnce(infra, processor, attempt, { command }), signal);
  }
}

/** What a route refuses for no fault of its caller's is for operators to mend. */
function countFailure(
  { metrics, log }: Infra,
  { current: { provider, route }, request }: ClaimedAttempt['claimed']['state'],
  { code, elsewhere, detail }: Execution.Failure,
): void {
  metrics.routeFailures.inc({ provider, route, code });
  const { executionId } = request;
  if (elsewhere && code === 'MODEL_UNAVAILABLE')
    log.warn({ executionId, provider, route, code, detail }, 'a route refuses');
}

const unrecordable: Failed = {
  kind: 'failed',
  code: 'INTERNAL_ERROR',
  retryable: false,
  countsAsFailure: false,
  detail: 'the outcome could not be recorded',
};

interface Prepared {
  readonly command: Execution.Command;
  readonly payload?: Payload | undefined;
}

/** Each try is a decision of its own: after an outage the event says when it was recorded. */
async function recordOnce(
  infra: Infra,
  processor: string,
  { claimed }: ClaimedAttempt,
  { command, payload }: Prepared,
): Promise<string> {
  const { executions, now } = infra;
  const { request, current } = claimed.state;
  const metadata = metadataOf(processor, request.executionId, current.dispatchKey);
  let known: Loaded<Execution.State> = claimed;
  for (;;) {
    const decided = { ...command, at: new Date(now()).toISOString() };
    const result = await executions.decide(known, decided, metadata, { payload });
    if (result.outcome === 'rejected') return result.reason;
    if (result.outcome !== 'conflict') {
      if (command.type === 'RecordUnknown')
        countUnknown(infra, current.provider, command.mayHaveCost);
      if (command.type === 'RecordFailure') countFailure(infra, claimed.state, command.failure);
      return command.type;
    }
    known = await executions.load(request.executionId);
  }
}

async function prepare(
  infra: Infra,
  attempt: ClaimedAttempt,
  outcome: ProviderOutcome,
  at: string,
): Promise<Prepared> {
  switch (outcome.kind) {
    case 'accepted':
      return { command: acceptanceOf(infra, attempt, outcome, at) };
    case 'succeeded':
      return successOf(infra, attempt, outcome, at);
    case 'failed':
      return { command: failureOf(infra, attempt, outcome, at) };
    case 'unknown':
      return { command: await unknownOf(infra, attempt, outcome.detail, at) };
  }
}

async function unknownOf(
  infra: Infra,
  { claimed: { state } }: ClaimedAttempt,
  reason: string,
  at: string,
): Promise<Execution.Command> {
  const unknown = await unknownOutcome(infra, state, reason);
  return { type: 'RecordUnknown', attempt: state.current.attempt, ...unknown, at };
}

function acceptanceOf(
  infra: Infra,
  { claimed, provider }: ClaimedAttempt,
  { providerJobId, pollAfterMs = 0 }: Accepted,
  at: string,
): Execution.Command {
  const { attempt, dispatchedAt } = claimed.state.current;
  const { poll, timeoutMs } = provider;
  const usualMs = callsBack(infra, provider) ? poll.maxMs : poll.firstMs;
  const firstMs = Date.parse(at) + Math.max(usualMs, pollAfterMs);
  // At the end of its time it is asked at the latest.
  const pollAt = new Date(Math.min(firstMs, Date.parse(dispatchedAt) + timeoutMs)).toISOString();
  const isPolled = infra.providers.adapter(provider.adapter).poll !== undefined;
  return { type: 'RecordAccepted', attempt, providerJobId, ...(isPolled && { pollAt }), at };
}

/**
 * A route that was not tried yet is tried at once; all others only after a pause. A pause that
 * would outlast the execution makes this attempt the last.
 */
function failureOf(
  { catalogue, now }: Pick<Infra, 'catalogue' | 'now'>,
  attempt: ClaimedAttempt,
  failed: Failed,
  at: string,
): Execution.Command {
  const { claimed, model } = attempt;
  const { current, request } = claimed.state;
  const { models } = catalogue.current();
  const nowMs = now();
  const others = othersOf(attempt);
  const attemptsMax = attemptsMaxOf(claimed.state, model, models);
  const record = (more: Partial<Execution.Failure>): Execution.Command => ({
    type: 'RecordFailure',
    attempt: current.attempt,
    failure: { ...failureIn(failed), attemptsMax, ...more },
    at,
  });
  if (isFollowed(request, current, models) && isNextAtOnce(claimed.state, failed))
    return record({});
  const last = { attemptsMax: current.attempt };
  if (failed.elsewhere && others.length === 0) return record(last);
  const delayMs = delayOf(attempt, others, failed, nowMs);
  if (delayMs === 0) return record({});
  const notBeforeMs = nowMs + delayMs;
  if (notBeforeMs >= Date.parse(request.expiresAt)) return record(last);
  return record({ notBefore: new Date(notBeforeMs).toISOString() });
}

/** What may have been paid for is asked again first, after a pause; or never, `elsewhere`. */
function isNextAtOnce({ attempts }: ClaimedAttempt['claimed']['state'], failed: Failed): boolean {
  if (doubtsOf(attempts.slice(0, -1)).length === 0) return true;
  return failed.elsewhere === true && doubtsOf(attempts).length < 2;
}

const failureIn = ({ code, retryable, elsewhere, detail, details, retryAfterMs }: Failed) => ({
  code,
  retryable,
  ...(elsewhere && { elsewhere }),
  detail,
  ...(details && { details }),
  ...(retryAfterMs !== undefined && { retryAfterSeconds: secondsOf(retryAfterMs) }),
});

/** The routes beside its own that may follow. */
function othersOf({ claimed, model, route }: ClaimedAttempt): readonly Route[] {
  const earlier = claimed.state.attempts.slice(0, -1);
  return model.routes.filter(
    ({ name, provider }) =>
      name !== route.name &&
      !earlier.some((tried) => tried.route === name && failedForGood(tried)) &&
      keyFor(earlier, { provider, route: name }, model.unknownMaxCost) !== undefined,
  );
}

/** What providers may ask for is told up to a year, which is more than anybody waits. */
const RETRY_AFTER_MAX_SECONDS = 31_536_000;

export const secondsOf = (ms: number): number =>
  Math.min(Math.max(Math.ceil(ms / 1_000), 0), RETRY_AFTER_MAX_SECONDS);

function delayOf(
  { claimed }: ClaimedAttempt,
  others: readonly Route[],
  failed: Failed,
  nowMs: number,
): number {
  const { current, attempts } = claimed.state;
  const own = doubtsOf(attempts.slice(0, -1)).find(
    ({ dispatchKey }) => dispatchKey === current.dispatchKey,
  );
  if (own && isKeyInUse(failed)) return Math.max(Date.parse(own.deadline) - nowMs, PAUSE_MIN_MS);
  const isUntried = ({ name }: Route) => attempts.every((tried) => tried.route !== name);
  if (others.some(isUntried)) return 0;
  const { retryAfterMs } = failed;
  return retryDelayMs({
    failures: current.attempt,
    random: Math.random(),
    // Where there is a choice, the provider's rest is the router's affair.
    ...(others.length === 0 && retryAfterMs !== undefined && { retryAfterMs }),
  });
}

const PAUSE_MIN_MS = 250;

/** The provider is still at the call whose end we do not know (409, see providers/failures.ts). */
const isKeyInUse = ({ code, countsAsFailure }: Failed): boolean =>
  code === 'GENERATION_FAILED' && !countsAsFailure;
