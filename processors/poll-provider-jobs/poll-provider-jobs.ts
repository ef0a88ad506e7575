/**
 * A provider that answers later is asked about its job until it is done or the attempt's deadline
 * passes. Whoever holds the timers asks, so a process that dies between two questions is missed by
 * nobody: the job's id is in the log. Where the provider calls back, it is asked less often: only
 * what callbacks lost is found so.
 *
 *   due ──► awaitingWebhook? ──► ask ──► pending ──► due again after a pause
 *             │ no: done            │       └ past the deadline ──► ProviderOutcomeUnknown
 *             └──                   └──► succeeded · failed · unknown ──► recorded like a call's
 */
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { Loaded } from '../../command-handling/repository.js';
import type { ExecutionId } from '../../contracts/ids.js';
import type * as Execution from '../../domain/execution/execution.js';
import { pollPauseMs } from '../../domain/routing/poll-pause.js';
import { createKeyedSemaphore } from '../../infra/concurrency/keyed-semaphore.js';
import type { JobOutcome, ProviderResult } from '../../providers/port.js';
import type { Infra } from '../../runtime/infra.js';
import type { AcceptedJobs } from '../run-execution/accepted-jobs.js';
import { heardOf, wordsOf } from '../run-execution/input.js';
import { callsBack } from '../run-execution/callback-url.js';
import { dueMsOf, passDeadline } from '../run-timers/pass-deadline.js';
import { cancelProviderJob } from './cancel-provider-job.js';
import { endJob, jobAttemptOf } from './job-attempt.js';

export interface JobPoll {
  readonly executionId: ExecutionId;
  readonly attempt: number;
}

interface Polled {
  /** A word for what was found. */
  readonly outcome: string;
  /** When to ask again; absent when the job is no longer waited for. */
  readonly againInMs?: number;
}

export interface PollProviderJobs {
  /** Throws on an outage of the stores. */
  poll(due: JobPoll, metadata: CommandMetadata, signal: AbortSignal): Promise<Polled>;
}

const NAME = 'poll-provider-jobs';
/** Questions at one provider at once: a provider that hangs holds up no other one's jobs. */
const POLLS_MAX = 16;
const BUSY_PAUSE_MS = 250;
/** Of one question. */
const POLL_TIMEOUT_MS = 10_000;
/** Of the last one, at the end of the job's time: a provider that hangs then delays nobody. */
const LAST_POLL_MS = 1_000;

export function openPollProviderJobs(infra: Infra, jobs: AcceptedJobs): PollProviderJobs {
  const polls = createKeyedSemaphore(POLLS_MAX, 1);
  return {
    async poll(due, metadata, signal) {
      const { state, ...rest } = await infra.executions.load(due.executionId);
      if (state.status !== 'awaitingWebhook' || state.current.attempt !== due.attempt)
        return { outcome: `already_${state.status}` };
      const claimed = { ...rest, state };
      const attempt = jobAttemptOf(infra, claimed);
      if (!attempt) return pendingOrLate(infra, jobs, { due, metadata, claimed });
      const { slug } = attempt.provider;
      const leftMs = dueMsOf(infra, state) - infra.now();
      if (!(await polls.acquire(slug)))
        return leftMs > 0
          ? { outcome: 'busy', againInMs: Math.min(BUSY_PAUSE_MS, leftMs) }
          : pendingOrLate(infra, jobs, { due, metadata, claimed, attempt });
      try {
        const outcome = await ask(infra, attempt, leftMs, signal);
        if (outcome.kind !== 'pending')
          return { outcome: await endJob(infra, jobs, NAME, attempt, outcome, signal) };
        return await pendingOrLate(infra, jobs, { due, metadata, claimed, attempt, outcome });
      } finally {
        polls.release(slug);
      }
    },
  };
}

type Awaiting = Extract<Execution.State, { status: 'awaitingWebhook' }>;
type Pending = Extract<JobOutcome, { kind: 'pending' }>;
type PollableAttempt = NonNullable<ReturnType<typeof jobAttemptOf<Awaiting>>>;

/** Never rejects for what a provider does. */
async function ask(
  infra: Infra,
  { claimed, model, route, provider }: PollableAttempt,
  leftMs: number,
  signal: AbortSignal,
): Promise<JobOutcome> {
  const { request, current } = claimed.state;
  const adapter = infra.providers.adapter(provider.adapter);
  if (!adapter.poll) return { kind: 'pending', detail: 'the provider cannot be asked' };
  const input = await wordsOf(infra, model, request);
  if (!input) return inputGone;
  const heard = await heardOf(infra, model, input);
  try {
    return await adapter.poll({
      provider,
      providerModel: route.providerModel,
      providerJobId: current.job.providerJobId,
      modality: request.modality,
      input,
      ...(route.inputMap && { inputMap: route.inputMap }),
      ...heard,
      dispatchKey: current.dispatchKey,
      timeoutMs: Math.min(POLL_TIMEOUT_MS, Math.max(LAST_POLL_MS, leftMs)),
      signal,
    });
  } catch (err) {
    const { executionId } = request;
    infra.log.error({ executionId, provider: provider.slug, err }, 'an adapter threw');
    return { kind: 'pending', detail: 'the adapter threw' };
  }
}

const inputGone: ProviderResult = {
  kind: 'failed',
  code: 'INTERNAL_ERROR',
  retryable: false,
  countsAsFailure: false,
  detail: 'the input by which the output is read is gone',
};

interface Unanswered {
  readonly due: JobPoll;
  readonly metadata: CommandMetadata;
  readonly claimed: Loaded<Awaiting>;
  readonly attempt?: PollableAttempt;
  readonly outcome?: Pending;
}

async function pendingOrLate(
  infra: Infra,
  jobs: AcceptedJobs,
  { due, metadata, claimed, attempt, outcome }: Unanswered,
): Promise<Polled> {
  const { request, current } = claimed.state;
  const { executionId } = request;
  const { dispatchKey, job } = current;
  const nowMs = infra.now();
  const leftMs = dueMsOf(infra, claimed.state) - nowMs;
  if (leftMs <= 0) {
    const word = await passDeadline(infra, due, metadata);
    jobs.end(executionId, due.attempt, 'failed');
    if (attempt) {
      const { provider, route } = attempt;
      const { providerJobId } = job;
      cancelProviderJob(infra, { executionId, dispatchKey, provider, route, providerJobId });
    }
    return { outcome: word };
  }
  if (!attempt) return { outcome: 'route_gone', againInMs: leftMs };
  const ageMs = nowMs - Date.parse(job.acceptedAt);
  const askedMs = outcome?.pollAfterMs;
  const { poll } = attempt.provider;
  const usualMs = pollPauseMs({ poll, ageMs, ...(askedMs !== undefined && { askedMs }) });
  const pauseMs = callsBack(infra, attempt.provider) ? Math.max(usualMs, poll.maxMs) : usualMs;
  return { outcome: 'pending', againInMs: Math.min(pauseMs, leftMs) };
}
