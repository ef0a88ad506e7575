/**
 * What providers called back is read here, out of the request that brought it: the callback is an
 * event, so any process may read it, and again after a crash.
 *
 *   received ──► is its attempt in flight? ──► genuine? ──► read ──► recorded like a poll's answer
 *                  │ no                          │ no         │ unreadable
 *                  ▼                             └────┬───────┘
 *         its end unknown: ProviderAnsweredLate       ▼
 *         its end known: nothing                the provider is asked at once
 *
 * A callback may come before the answer to the call itself, or instead of it: then the job's id is
 * recorded first. So a job whose acceptance was lost is found again.
 */
import type { ProviderCallbackReceived } from '../../contracts/events/attempt.js';
import type { Loaded } from '../../command-handling/repository.js';
import { readEvents } from '../../command-handling/streams.js';
import * as Execution from '../../domain/execution/execution.js';
import type { Group, Notification } from '../../infra/event-bus/port.js';
import type { CallbackReading, ProviderCallback } from '../../providers/port.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';
import type { AcceptedJobs } from '../run-execution/accepted-jobs.js';
import type { ClaimedAttempt } from '../run-execution/claimed-attempt.js';
import { heardOf, wordsOf } from '../run-execution/input.js';
import { recordLate } from '../run-execution/late-answer.js';
import { recordOutcome } from '../run-execution/record-outcome.js';
import { endJob, jobAttemptOf } from './job-attempt.js';
import type { PollProviderJobs } from './poll-provider-jobs.js';

const NAME = 'read-callbacks';
const HANDLERS_MAX = 64;
const CHECK_TIMEOUT_MS = 10_000;

interface Reading {
  readonly infra: Infra;
  readonly jobs: AcceptedJobs;
  readonly polls: PollProviderJobs;
  readonly signal: AbortSignal;
}

export const readCallbacks = (
  infra: Infra,
  jobs: AcceptedJobs,
  polls: PollProviderJobs,
): Group => ({
  name: NAME,
  categories: ['attempt'],
  subscribesTo: ['ProviderCallbackReceived'],
  concurrencyMax: HANDLERS_MAX,
  attemptsMax: 30,
  handle: (notification, signal) => handle({ infra, jobs, polls, signal }, notification),
});

async function handle(reading: Reading, { stream, revision }: Notification): Promise<string> {
  const { store, executions, payloads } = reading.infra;
  const [event] = await readEvents<ProviderCallbackReceived>(store, stream, {
    fromRevision: revision,
    limit: 1,
  });
  if (!event) throw new Error(`${stream} has no revision ${revision}`);
  const { executionId, attempt, callback: ref } = event.data;
  const { state, ...rest } = await executions.load(executionId);
  if (!('attempts' in state)) return 'no_attempt';
  const called = state.attempts[attempt - 1];
  if (!called) return 'no_attempt';
  if (Execution.outcomeIsKnown(state, attempt)) return `already_${state.status}`;
  const bytes = await payloads.get(ref);
  if (!bytes) return 'callback_gone';
  const callback = callbackIn(bytes);
  const isInFlight = state.status === 'processing' || state.status === 'awaitingWebhook';
  // A repeated call under one key is one job, whichever attempt's URL the provider kept.
  if (isInFlight && state.current.dispatchKey === called.dispatchKey)
    return takeUp(reading, { ...rest, state }, callback);
  return takeLate(reading, state, called, callback);
}

function callbackIn(bytes: Buffer): ProviderCallback {
  const { headers, body } = JSON.parse(bytes.toString('utf8')) as {
    readonly headers: ProviderCallback['headers'];
    readonly body: string;
  };
  return { headers, body: Buffer.from(body, 'base64') };
}

type InFlight = Extract<Execution.State, { status: 'processing' | 'awaitingWebhook' }>;

async function takeUp(
  reading: Reading,
  claimed: Loaded<InFlight>,
  callback: ProviderCallback,
): Promise<string> {
  const { infra, jobs, signal } = reading;
  const attempt = jobAttemptOf(infra, claimed);
  if (!attempt) return 'route_gone';
  const read = await readAs(reading, attempt, callback);
  if (read === 'forged') return read;
  const { state } = claimed;
  if (read === 'unchecked' || read === 'unreadable') return askAtOnce(reading, state, read);
  const { providerJobId, outcome } = read;
  const known = state.current.job?.providerJobId;
  if (providerJobId !== undefined && known !== undefined && providerJobId !== known)
    return 'another_job';
  if (known === undefined && providerJobId !== undefined) {
    const { executionId } = state.request;
    const accepted = { kind: 'accepted', providerJobId } as const;
    await recordOutcome(infra, NAME, attempt, accepted, signal);
    const { state: next, ...rest } = await infra.executions.load(executionId);
    if (next.status !== 'awaitingWebhook') return `already_${next.status}`;
    return takeUp(reading, { ...rest, state: next }, callback);
  }
  if (outcome.kind !== 'pending') return endJob(infra, jobs, NAME, attempt, outcome, signal);
  return outcome.detail === undefined ? 'pending' : askAtOnce(reading, state, 'unreadable');
}

/** A callback that cannot be trusted or read still says that there is something to be asked. */
async function askAtOnce(
  { polls, signal }: Reading,
  { status, request, current }: InFlight,
  why: 'unchecked' | 'unreadable',
): Promise<string> {
  const { executionId } = request;
  if (status === 'processing' && why === 'unchecked')
    throw new Error(
      'a callback cannot be checked yet, and no job is known that could be asked about',
    );
  if (status === 'processing') return why;
  const metadata = metadataOf(NAME, executionId, current.dispatchKey);
  const { outcome } = await polls.poll({ executionId, attempt: current.attempt }, metadata, signal);
  return `${why}_${outcome}`;
}

type Read = CallbackReading | 'forged' | 'unchecked' | 'unreadable';

async function readAs(
  { infra, signal }: Reading,
  { claimed, model, route, provider }: ClaimedAttempt,
  callback: ProviderCallback,
): Promise<Read> {
  const { request, current } = claimed.state;
  const adapter = infra.providers.adapter(provider.adapter);
  if (!adapter.readCallback) return 'unreadable';
  const call = { provider, timeoutMs: CHECK_TIMEOUT_MS, signal };
  const checked = (await adapter.checkCallback?.(callback, call)) ?? 'genuine';
  if (checked !== 'genuine') return checked;
  const input = await wordsOf(infra, model, request);
  if (!input) return 'unreadable';
  return adapter.readCallback(callback, {
    provider,
    providerModel: route.providerModel,
    modality: request.modality,
    input,
    ...(route.inputMap && { inputMap: route.inputMap }),
    ...(await heardOf(infra, model, input)),
    dispatchKey: current.dispatchKey,
  });
}

type Known = Extract<Execution.State, { attempts: unknown }>;

/** Of an attempt that its execution waits for no longer, and whose end is not known. */
async function takeLate(
  reading: Reading,
  { request, ...state }: Known,
  called: Execution.Attempt,
  callback: ProviderCallback,
): Promise<string> {
  const { infra } = reading;
  const inFlight = {
    request,
    attempts: state.attempts,
    status: 'processing',
    current: called,
  } as const;
  const attempt = jobAttemptOf(infra, { id: request.executionId, revision: 0, state: inFlight });
  if (!attempt) return 'route_gone';
  if (state.status === 'pending' && attempt.provider.honoursIdempotencyKey) return 'asked_again';
  const read = await readAs(reading, attempt, callback);
  if (read === 'unchecked') throw new Error('a late callback cannot be checked yet');
  if (typeof read === 'string') return read;
  if (read.outcome.kind === 'pending') return 'pending';
  return recordLate(infra, NAME, request, called, read.outcome);
}
