/**
 * The calls in flight: each performs one claimed attempt and records its outcome as an event. A
 * call that this process does not live to record is recovered when its deadline passes; a job that
 * the provider accepted is asked about by poll-provider-jobs, whatever becomes of this process.
 */
import { endingOf } from '../../domain/routing/health.js';
import { InputUnavailable } from '../../providers/port.js';
import type { ProviderOutcome, ProviderResult } from '../../providers/port.js';
import type { Infra } from '../../runtime/infra.js';
import { cancelProviderJob } from '../poll-provider-jobs/cancel-provider-job.js';
import type { AcceptedJobs } from './accepted-jobs.js';
import type { ClaimedAttempt } from './claimed-attempt.js';
import type { Input } from './input.js';
import type { ProviderSlot } from './provider-pool.js';
import { recordOutcome } from './record-outcome.js';

type Accepted = Extract<ProviderOutcome, { kind: 'accepted' }>;

export interface CallingAttempt extends ClaimedAttempt {
  /** Of the monotonic clock, when the deadline began to run. */
  readonly claimedAtMs: number;
  readonly input: Input;
  readonly slot: ProviderSlot;
}

export interface ProviderCalls {
  start(attempt: CallingAttempt): void;
  drain(waitMs: number): Promise<void>;
}

export function openProviderCalls(infra: Infra, jobs: AcceptedJobs): ProviderCalls {
  const inFlight = new Set<Promise<void>>();
  const cut = new AbortController();
  return {
    start(attempt) {
      const run = perform(infra, jobs, attempt, cut.signal).catch((err: unknown) =>
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
  cut: AbortSignal,
): Promise<void> {
  const startedAtMs = performance.now();
  const outcome = await call(infra, attempt, cut);
  const latencyMs = performance.now() - startedAtMs;
  const { kind } = outcome;
  infra.metrics.attemptSeconds.observe(
    { provider: attempt.provider.slug, outcome: kind },
    latencyMs / 1000,
  );
  const recorded =
    outcome.kind === 'accepted'
      ? await accept(infra, jobs, attempt, outcome, cut)
      : await end(infra, attempt, { outcome, latencyMs }, cut);
  const detail = 'detail' in outcome && { detail: outcome.detail };
  const ms = Math.round(latencyMs);
  infra.log.debug({ ...fieldsOf(attempt), outcome: kind, ...detail, recorded, ms }, 'attempt');
}

async function end(
  infra: Infra,
  attempt: CallingAttempt,
  { outcome, latencyMs }: { readonly outcome: ProviderResult; readonly latencyMs: number },
  cut: AbortSignal,
): Promise<string> {
  const retryAfterMs = outcome.kind === 'failed' ? outcome.retryAfterMs : undefined;
  attempt.slot.release(endingOf(outcome), latencyMs, retryAfterMs);
  // A cut call is not a provider's failure: its deadline decides, as after a crash.
  if (cut.aborted && outcome.kind === 'unknown') return 'cut';
  return recordOutcome(infra, 'run-execution', attempt, outcome, cut);
}

/** The slot of a job is kept until the job ends; a job that nobody waits for is called off. */
async function accept(
  infra: Infra,
  jobs: AcceptedJobs,
  attempt: CallingAttempt,
  outcome: Accepted,
  cut: AbortSignal,
): Promise<string> {
  const { claimed, provider, route, slot, claimedAtMs } = attempt;
  const { request, current } = claimed.state;
  const { executionId } = request;
  let recorded = 'not_recorded';
  try {
    recorded = await recordOutcome(infra, 'run-execution', attempt, outcome, cut);
  } finally {
    if (recorded === 'RecordAccepted')
      jobs.keep({ executionId, attempt: current.attempt, slot, claimedAtMs });
    else slot.release('neutral', 0);
  }
  if (recorded !== 'RecordAccepted')
    cancelProviderJob(infra, {
      executionId,
      dispatchKey: current.dispatchKey,
      provider,
      route,
      providerJobId: outcome.providerJobId,
    });
  return recorded;
}

/** Never rejects: what went wrong is the outcome. */
async function call(
  infra: Infra,
  attempt: CallingAttempt,
  signal: AbortSignal,
): Promise<ProviderOutcome> {
  const { claimed, provider, route, claimedAtMs, input } = attempt;
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
      dispatchKey: claimed.state.current.dispatchKey,
      timeoutMs,
      signal,
    });
  } catch (err) {
    if (err instanceof InputUnavailable) return inputUnavailable;
    infra.log.error({ ...fieldsOf(attempt), err }, 'an adapter threw');
    return { kind: 'unknown', detail: 'the adapter threw' };
  }
}

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
