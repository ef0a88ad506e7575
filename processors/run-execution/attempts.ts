/**
 * The calls in flight: each performs one claimed attempt and records its outcome as an event. A
 * call that this process does not live to record is recovered when its deadline passes.
 */
import type { Model, Provider, Route } from '../../contracts/catalogue/catalogue.js';
import type * as Execution from '../../domain/execution/execution.js';
import { endingOf } from '../../domain/routing/health.js';
import { retryDelayMs } from '../../domain/routing/backoff.js';
import type { Loaded } from '../../command-handling/repository.js';
import { isOutage, retryOnOutage } from '../../infra/event-store/outage.js';
import type { Payload } from '../../infra/event-store/port.js';
import type { Infra } from '../../runtime/infra.js';
import type { ProviderOutcome } from '../../providers/port.js';
import { metadataOf } from '../command-metadata.js';
import type { Input } from './input.js';
import { outputOf } from './output.js';
import type { ProviderSlot } from './provider-pool.js';

export interface Attempt {
  /** As the claim left it. */
  readonly claimed: Loaded<Processing>;
  readonly model: Model;
  readonly route: Route;
  readonly provider: Provider;
  readonly dispatchKey: string;
  /** Of the monotonic clock, when the deadline began to run. */
  readonly claimedAtMs: number;
  readonly input: Input;
  readonly slot: ProviderSlot;
}

type Processing = Extract<Execution.State, { status: 'processing' }>;
type Failed = Extract<ProviderOutcome, { kind: 'failed' }>;

export interface Attempts {
  start(attempt: Attempt): void;
  drain(waitMs: number): Promise<void>;
}

export function openAttempts(infra: Infra): Attempts {
  const inFlight = new Set<Promise<void>>();
  const cut = new AbortController();
  return {
    start(attempt) {
      const run = perform(infra, attempt, cut.signal).catch((err: unknown) =>
        infra.log.error({ ...fieldsOf(attempt), err }, 'an attempt ended without being recorded'),
      );
      inFlight.add(run);
      void run.finally(() => inFlight.delete(run));
    },
    async drain(waitMs) {
      const timer = setTimeout(() => cut.abort(), waitMs);
      while (inFlight.size > 0) await Promise.all(inFlight);
      clearTimeout(timer);
    },
  };
}

const fieldsOf = ({ claimed, provider, dispatchKey }: Attempt) => ({
  executionId: claimed.state.request.executionId,
  attempt: claimed.state.current.attempt,
  provider: provider.slug,
  dispatchKey,
});

async function perform(infra: Infra, attempt: Attempt, cut: AbortSignal): Promise<void> {
  const startedAtMs = performance.now();
  const outcome = await call(infra, attempt, cut);
  const latencyMs = performance.now() - startedAtMs;
  const retryAfterMs = outcome.kind === 'failed' ? outcome.retryAfterMs : undefined;
  attempt.slot.release(endingOf(outcome), latencyMs, retryAfterMs);
  const labels = { provider: attempt.provider.slug, outcome: outcome.kind };
  infra.metrics.attemptSeconds.observe(labels, latencyMs / 1000);
  // A cut call is not a provider's failure: its deadline decides, as after a crash.
  const isCut = cut.aborted && outcome.kind === 'unknown';
  const recorded = isCut ? 'cut' : await record(infra, attempt, outcome, cut);
  const detail = outcome.kind !== 'succeeded' && { detail: outcome.detail };
  const ms = Math.round(latencyMs);
  infra.log.debug(
    { ...fieldsOf(attempt), outcome: outcome.kind, ...detail, recorded, ms },
    'attempt',
  );
}

/** Never rejects: what went wrong is the outcome. */
async function call(infra: Infra, attempt: Attempt, signal: AbortSignal): Promise<ProviderOutcome> {
  const { claimed, provider, route, dispatchKey, claimedAtMs, input } = attempt;
  // What the claim has cost is taken from the call, which must end before the deadline.
  const timeoutMs = Math.floor(provider.timeoutMs - (performance.now() - claimedAtMs));
  if (timeoutMs <= 0) return tooLate;
  try {
    return await infra.providers.adapter(provider.adapter).call({
      provider,
      providerModel: route.providerModel,
      modality: claimed.state.request.modality,
      input: input.input,
      ...(input.files.size > 0 && { files: input.files }),
      dispatchKey,
      timeoutMs,
      signal,
    });
  } catch (err) {
    infra.log.error({ ...fieldsOf(attempt), err }, 'an adapter threw');
    return { kind: 'unknown', detail: 'the adapter threw' };
  }
}

const tooLate: Failed = {
  kind: 'failed',
  code: 'GENERATION_TIMEOUT',
  retryable: true,
  countsAsFailure: false,
  detail: 'not sent: the time had run out',
};

/**
 * The word of what was recorded. An outage is waited out, also beyond the deadline: nobody else can
 * have written meanwhile, so a paid result may still be the first to be recorded.
 */
async function record(
  infra: Infra,
  attempt: Attempt,
  outcome: ProviderOutcome,
  cut: AbortSignal,
): Promise<string> {
  const at = new Date(infra.now()).toISOString();
  let prepared: Prepared | undefined;
  try {
    return await retryOnOutage(async () => {
      prepared ??= await prepare(infra, attempt, outcome, at);
      return recordOnce(infra, attempt, prepared);
    }, cut);
  } catch (err) {
    if (isOutage(err)) throw err;
    infra.log.error({ ...fieldsOf(attempt), err }, 'an outcome cannot be recorded as it is');
    const command = failureOf(attempt, unrecordable, at, infra.now());
    return retryOnOutage(() => recordOnce(infra, attempt, { command }), cut);
  }
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

async function recordOnce(
  { executions }: Infra,
  { claimed, dispatchKey }: Attempt,
  { command, payload }: Prepared,
): Promise<string> {
  const { executionId } = claimed.state.request;
  const metadata = metadataOf('run-execution', executionId, dispatchKey);
  let known: Loaded<Execution.State> = claimed;
  for (;;) {
    const result = await executions.decide(known, command, metadata, { payload });
    if (result.outcome === 'rejected') return result.reason;
    if (result.outcome !== 'conflict') return command.type;
    known = await executions.load(executionId);
  }
}

async function prepare(
  infra: Infra,
  attempt: Attempt,
  outcome: ProviderOutcome,
  at: string,
): Promise<Prepared> {
  switch (outcome.kind) {
    case 'succeeded':
      return outputOf(infra, attempt, outcome, at);
    case 'failed':
      return { command: failureOf(attempt, outcome, at, infra.now()) };
    case 'unknown':
      return {
        command: {
          type: 'RecordUnknown',
          attempt: attempt.claimed.state.current.attempt,
          reason: outcome.detail,
          repeatable: attempt.provider.honoursIdempotencyKey,
          attemptsMax: attempt.model.attemptsMax,
          at,
        },
      };
  }
}

/**
 * A route that was not tried yet is tried at once; all others only after a pause. A pause that
 * would outlast the execution makes this attempt the last.
 */
function failureOf(
  { claimed, model, route }: Attempt,
  failed: Failed,
  at: string,
  nowMs: number,
): Execution.Command {
  const { current, attempts, request } = claimed.state;
  const { attempt } = current;
  const { code, retryable, detail, retryAfterMs } = failed;
  const failure = { code, retryable, detail, attemptsMax: model.attemptsMax };
  const doubtful = attempts.find(({ ended }) => ended === 'unknown');
  const isBound = doubtful !== undefined || model.routes.every(({ name }) => name === route.name);
  const isUntried = ({ name }: Route) => attempts.every((tried) => tried.route !== name);
  if (!isBound && model.routes.some(isUntried))
    return { type: 'RecordFailure', attempt, failure, at };
  const delayMs = retryDelayMs({
    failures: attempt,
    random: Math.random(),
    // Where there is a choice, the provider's rest is the router's affair.
    ...(isBound && retryAfterMs !== undefined && { retryAfterMs }),
  });
  const busyUntilMs = doubtful && isKeyInUse(failed) ? Date.parse(doubtful.deadline) : 0;
  const notBeforeMs = Math.max(nowMs + delayMs, busyUntilMs);
  if (notBeforeMs >= Date.parse(request.expiresAt))
    return { type: 'RecordFailure', attempt, failure: { ...failure, attemptsMax: attempt }, at };
  const notBefore = new Date(notBeforeMs).toISOString();
  return { type: 'RecordFailure', attempt, failure: { ...failure, notBefore }, at };
}

/** The provider is still at the call whose end we do not know (HTTP 409, see openai-errors.ts). */
const isKeyInUse = ({ code, countsAsFailure }: Failed): boolean =>
  code === 'GENERATION_FAILED' && !countsAsFailure;
