/**
 * The calls in flight: each performs one claimed attempt and records its outcome as an event. A
 * call that this process does not live to record is recovered when its deadline passes; a job that
 * the provider accepted is asked about by poll-provider-jobs, whatever becomes of this process.
 */
import { setMaxListeners } from 'node:events';
import type { ExecutionId } from '../../contracts/ids.js';
import { outcomeIsKnown } from '../../domain/execution/execution.js';
import { endingOf } from '../../domain/routing/health.js';
import { InputUnavailable } from '../../providers/port.js';
import type { ProviderOutcome, ProviderResult } from '../../providers/port.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';
import { passDeadline } from '../run-timers/pass-deadline.js';
import { pause } from '../../infra/concurrency/pause.js';
import { recordSpan } from '../execution-trace.js';
import { cancelProviderJob } from '../poll-provider-jobs/cancel-provider-job.js';
import type { AcceptedJobs } from './accepted-jobs.js';
import { callbackUrlOf, mayCallBack } from './callback-url.js';
import type { ClaimedAttempt } from './claimed-attempt.js';
import type { Input } from './input.js';
import { recordLate } from './late-answer.js';
import type { ProviderSlot } from './provider-pool.js';
import { recordOutcome } from './record-outcome.js';

const NAME = 'run-execution';

type Accepted = Extract<ProviderOutcome, { kind: 'accepted' }>;

export interface CallingAttempt extends ClaimedAttempt {
  /** Of the monotonic clock, when the deadline began to run. */
  readonly claimedAtMs: number;
  readonly input: Input;
  readonly slot: ProviderSlot;
}

export interface ProviderCalls {
  start(attempt: CallingAttempt): void;
  /** Nobody waits for it any more: its connection is closed, and its slot free. */
  callOff(executionId: ExecutionId): void;
  drain(waitMs: number): Promise<void>;
}

/** A call whose execution was called off in another process ends so much later at most. */
const LOOK_EVERY_MS = 2_000;

export function openProviderCalls(infra: Infra, jobs: AcceptedJobs): ProviderCalls {
  const inFlight = new Map<CallingAttempt, AbortController>();
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();
  // As many as there are calls whose outcome waits for the store.
  setMaxListeners(0, stopping.signal);
  let looking: NodeJS.Timeout | undefined;
  let isAway = false;
  const look = () =>
    void abortUnwanted(infra, inFlight).then(
      () => (isAway = false),
      (err: unknown) => {
        if (!isAway)
          infra.log.warn({ err }, 'calls in flight could not be looked at; trying again');
        isAway = true;
      },
    );
  const abortAll = () => {
    stopping.abort();
    for (const off of inFlight.values()) off.abort();
  };
  return {
    start(attempt) {
      const off = new AbortController();
      inFlight.set(attempt, off);
      looking ??= setInterval(look, LOOK_EVERY_MS).unref();
      const signals = { off: off.signal, stopping: stopping.signal };
      const run = perform(infra, jobs, attempt, signals).catch((err: unknown) =>
        infra.log.error({ ...fieldsOf(attempt), err }, 'an attempt ended without being recorded'),
      );
      running.add(run);
      void run.finally(() => {
        inFlight.delete(attempt);
        running.delete(run);
      });
    },
    callOff(executionId) {
      for (const [{ claimed }, off] of inFlight)
        if (claimed.state.request.executionId === executionId) off.abort();
    },
    async drain(waitMs) {
      const timer = setTimeout(abortAll, waitMs);
      while (running.size > 0) await Promise.all(running);
      clearTimeout(timer);
      clearInterval(looking);
    },
  };
}

/** `off`: nobody waits for the call any more, or the process stops; `stopping`: only the latter. */
interface Signals {
  readonly off: AbortSignal;
  readonly stopping: AbortSignal;
}

/** Of those that take their time: whoever has just begun is looked at the next time. */
async function abortUnwanted(
  { executions }: Infra,
  inFlight: ReadonlyMap<CallingAttempt, AbortController>,
): Promise<void> {
  const sinceMs = performance.now() - LOOK_EVERY_MS;
  const older = [...inFlight].filter(([{ claimedAtMs }]) => claimedAtMs < sinceMs);
  const lookAt = async ([{ claimed }, off]: (typeof older)[number]) => {
    const { request, current } = claimed.state;
    const { state } = await executions.load(request.executionId);
    const isWanted = 'current' in state && state.current.attempt === current.attempt;
    if (!isWanted) off.abort();
  };
  await Promise.all(older.map(lookAt));
}

const fieldsOf = ({ claimed: { state }, provider }: ClaimedAttempt) => ({
  executionId: state.request.executionId,
  attempt: state.current.attempt,
  provider: provider.slug,
  dispatchKey: state.current.dispatchKey,
});

async function perform(
  infra: Infra,
  jobs: AcceptedJobs,
  attempt: CallingAttempt,
  signals: Signals,
): Promise<void> {
  const startedAtMs = performance.now();
  const outcome = await call(infra, attempt, signals.off);
  const latencyMs = performance.now() - startedAtMs;
  const { kind } = outcome;
  traceAttempt(infra, attempt, outcome, latencyMs);
  infra.metrics.attemptSeconds.observe(
    { provider: attempt.provider.slug, outcome: kind },
    latencyMs / 1000,
  );
  const recorded =
    outcome.kind === 'accepted'
      ? await accept(infra, jobs, attempt, outcome, signals)
      : await end(infra, jobs, attempt, { outcome, latencyMs }, signals);
  if (!infra.log.isLevelEnabled('debug')) return;
  const detail = 'detail' in outcome && { detail: outcome.detail };
  const ms = Math.round(latencyMs);
  infra.log.debug({ outcome: kind, recorded, ms, ...fieldsOf(attempt), ...detail }, 'attempt');
}

/** The wait of an execution ends with its first attempt. */
function traceAttempt(
  infra: Infra,
  { claimed, provider, route }: ClaimedAttempt,
  outcome: ProviderOutcome,
  latencyMs: number,
): void {
  if (!infra.tracing) return;
  const { request, current } = claimed.state;
  const startMs = Date.now() - latencyMs;
  if (current.attempt === 1)
    recordSpan(infra, request.executionId, 'wait for a provider', {
      startMs: Date.parse(request.at),
      endMs: startMs,
    });
  recordSpan(infra, request.executionId, 'provider attempt', {
    kind: 'client',
    startMs,
    attributes: {
      'modelroute.attempt': current.attempt,
      'modelroute.provider': provider.slug,
      'modelroute.route': route.name,
      'modelroute.outcome': outcome.kind,
      'error.type': outcome.kind === 'failed' ? outcome.code : undefined,
    },
    error: outcome.kind === 'failed' || outcome.kind === 'unknown' ? outcome.kind : undefined,
  });
}

/** Undefined where nobody counted them. */
function tokensUsed(outcome: ProviderResult): number | undefined {
  if (outcome.kind !== 'succeeded' || outcome.usage.inputTokens === undefined) return undefined;
  return outcome.usage.inputTokens + (outcome.usage.outputTokens ?? 0);
}

async function end(
  infra: Infra,
  jobs: AcceptedJobs,
  attempt: CallingAttempt,
  { outcome, latencyMs }: { readonly outcome: ProviderResult; readonly latencyMs: number },
  { off, stopping }: Signals,
): Promise<string> {
  // It is not the provider's failure. Where the process stops, the deadline decides as after a
  // crash; where the execution is over, nothing is left to be recorded.
  if (
    off.aborted &&
    (outcome.kind === 'unknown' || (!stopping.aborted && outcome.kind === 'failed'))
  ) {
    attempt.slot.release('neutral', 0);
    return stopping.aborted ? 'cut' : 'called_off';
  }
  if (outcome.kind === 'unknown' && mayCallBack(infra, attempt.provider)) {
    const { claimed, slot, claimedAtMs } = attempt;
    const { request, current } = claimed.state;
    const { executionId } = request;
    jobs.keep({ executionId, attempt: current.attempt, slot, claimedAtMs });
    void giveUpAtItsTime(infra, jobs, attempt, stopping);
    return 'awaits_callback';
  }
  const retryAfterMs = outcome.kind === 'failed' ? outcome.retryAfterMs : undefined;
  attempt.slot.release(endingOf(outcome), latencyMs, retryAfterMs, tokensUsed(outcome));
  const recorded = await recordOutcome(infra, NAME, attempt, outcome, stopping);
  if (recorded !== 'AlreadyFinished' && recorded !== 'NotThisAttempt') return recorded;
  return tellLate(infra, attempt, outcome);
}

/** Where this process or the store is gone by then, the attempt's deadline does it. */
async function giveUpAtItsTime(
  infra: Infra,
  jobs: AcceptedJobs,
  { claimed, claimedAtMs, provider }: CallingAttempt,
  stopping: AbortSignal,
): Promise<void> {
  const { request, current } = claimed.state;
  const { executionId } = request;
  const { attempt } = current;
  await pause(claimedAtMs + provider.timeoutMs + TIMER_SLACK_MS - performance.now(), stopping);
  if (stopping.aborted) return;
  try {
    const { state } = await infra.executions.load(executionId);
    // Its acceptance has come: it is asked about before it is given up.
    if (state.status !== 'processing' || state.current.attempt !== attempt) return;
    const cause = `${executionId}.${attempt}`;
    await passDeadline(infra, { executionId, attempt }, metadataOf(NAME, executionId, cause));
    jobs.end(executionId, attempt, 'failed');
  } catch (err) {
    infra.log.warn({ executionId, err }, 'a lost job could not be given up yet');
  }
}

/** A timer of the monotonic clock may be this early by the other one. */
const TIMER_SLACK_MS = 20;

async function tellLate(
  infra: Infra,
  { claimed }: ClaimedAttempt,
  outcome: ProviderResult,
): Promise<string> {
  const { request, current } = claimed.state;
  const { state } = await infra.executions.load(request.executionId);
  if (outcomeIsKnown(state, current.attempt)) return `already_${state.status}`;
  return recordLate(infra, NAME, request, current, outcome);
}

/** The slot of a job is kept until the job ends; a job that nobody waits for is called off. */
async function accept(
  infra: Infra,
  jobs: AcceptedJobs,
  attempt: CallingAttempt,
  outcome: Accepted,
  { stopping }: Signals,
): Promise<string> {
  const { claimed, provider, route, slot, claimedAtMs } = attempt;
  const { request, current } = claimed.state;
  const { executionId } = request;
  let recorded = 'not_recorded';
  try {
    recorded = await recordOutcome(infra, NAME, attempt, outcome, stopping);
  } finally {
    if (recorded === 'RecordAccepted')
      jobs.keep({ executionId, attempt: current.attempt, slot, claimedAtMs });
    else slot.release('neutral', 0);
  }
  if (recorded === 'RecordAccepted') return recorded;
  const { state } = await infra.executions.load(executionId);
  // A callback may have told its end before the call was answered.
  if (outcomeIsKnown(state, current.attempt)) return `already_${state.status}`;
  const { dispatchKey } = current;
  const { providerJobId } = outcome;
  cancelProviderJob(infra, { executionId, dispatchKey, provider, route, providerJobId });
  return recorded;
}

/** Never rejects: what went wrong is the outcome. */
async function call(
  infra: Infra,
  attempt: CallingAttempt,
  signal: AbortSignal,
): Promise<ProviderOutcome> {
  const { claimed, provider, route, claimedAtMs, input } = attempt;
  const { request, current } = claimed.state;
  const { executionId } = request;
  // What the claim has cost is taken from the call, which must end before the deadline.
  const timeoutMs = inSteps(provider.timeoutMs - (performance.now() - claimedAtMs));
  if (timeoutMs <= 0) return tooLate;
  const callbackUrl = callbackUrlOf(infra, provider, { executionId, attempt: current.attempt });
  try {
    return await infra.providers.adapter(provider.adapter).call({
      provider,
      providerModel: route.providerModel,
      modality: request.modality,
      ...(route.request && { routeRequest: route.request }),
      input: input.input,
      ...(route.inputMap && { inputMap: route.inputMap }),
      ...(input.files.size > 0 && { files: input.files }),
      ...(callbackUrl !== undefined && { callbackUrl }),
      dispatchKey: current.dispatchKey,
      timeoutMs,
      signal,
    });
  } catch (err) {
    if (err instanceof InputUnavailable) return inputUnavailable;
    infra.log.error({ ...fieldsOf(attempt), err }, 'an adapter threw');
    return { kind: 'unknown', detail: 'the adapter threw' };
  }
}

/** Timers of one length share a list, so that many calls at a time have a few lengths, not many. */
const inSteps = (ms: number): number => {
  const stepMs = ms > LONG_MS ? LONG_MS / 100 : 1;
  return Math.floor(ms / stepMs) * stepMs;
};
const LONG_MS = 10_000;

const inputUnavailable: ProviderResult = {
  kind: 'failed',
  code: 'SERVICE_UNAVAILABLE',
  retryable: true,
  countsAsFailure: false,
  detail: 'not sent: a file of the input could not be read',
};

const tooLate: ProviderResult = {
  kind: 'failed',
  code: 'GENERATION_TIMEOUT',
  retryable: true,
  countsAsFailure: false,
  detail: 'not sent: the time had run out',
};
