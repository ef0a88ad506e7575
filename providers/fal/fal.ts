/**
 * fal's queue, as its documentation has it:
 *
 *   POST /{owner}/{app}[/{path}]?fal_webhook=…    → {request_id, …}
 *   GET  /{owner}/{app}/requests/{id}/status      → {status: IN_QUEUE | IN_PROGRESS | COMPLETED}
 *   GET  /{owner}/{app}/requests/{id}             → the model's output, or its error
 *   PUT  /{owner}/{app}/requests/{id}/cancel
 *
 * The webhook has {request_id, status: OK | ERROR, payload, error?}; a payload that cannot be sent
 * is fetched. The URLs of an answer are not followed: they are made of the id.
 */
import type { Dialect, NotRead } from '../json-call.js';
import { callJson, isObject, unknown } from '../json-call.js';
import { meanings } from '../meanings.js';
import { mappedInput, unmapped } from '../input-map.js';
import {
  JOB_ANSWER_BYTES_MAX,
  jobFailed,
  jobIdIn,
  objectOf,
  submitting,
  unanswered,
} from '../job-answers.js';
import type {
  CallbackReading,
  JobOutcome,
  PolledJob,
  ProviderAdapter,
  ProviderCall,
  ProviderJob,
  ProviderResult,
} from '../port.js';
import type { Reading } from '../produced.js';
import type { Vendor, Wire } from '../vendor.js';
import { failureInPayload, failureInStatus, readFailure } from './failures.js';
import { resultOf } from './result.js';
import { openSignatures } from './signature.js';

export const fal: Vendor = {
  fal: {
    modalities: ['text', 'image', 'audio', 'video', 'transcription', 'embedding'],
    mapsInput: true,
    open: openFal,
  },
};

const auth = { header: 'authorization', scheme: 'Key' };

function openFal(wire: Wire): ProviderAdapter {
  const signatures = openSignatures(wire);
  return {
    async call(call) {
      const read = await callJson(wire, submitting(call), {
        dialect: dialectFor(call),
        method: 'POST',
        path: submitPath(call),
        body: { ...(await mappedInput(call)), ...call.routeRequest?.add },
        bytesMax: JOB_ANSWER_BYTES_MAX,
      });
      if ('outcome' in read) return read.outcome;
      const providerJobId = jobIdIn(read.answer['request_id']);
      if (providerJobId === undefined) return unknown('accepted without the id of a job');
      return { kind: 'accepted', providerJobId };
    },

    poll: (job) => poll(wire, job),

    async cancel(job) {
      const read = await callJson(wire, job, {
        dialect: { auth },
        method: 'PUT',
        path: `${pathOf(job)}/cancel`,
        bytesMax: JOB_ANSWER_BYTES_MAX,
      });
      return 'answer' in read && CANCELLED.has(String(read.answer['status']));
    },

    checkCallback: (callback, call) => signatures.check(callback, call),

    readCallback({ body }, call) {
      const message = objectOf(body);
      const id = jobIdIn(message?.['request_id']);
      if (!message || id === undefined) return 'unreadable';
      return { providerJobId: id, outcome: outcomeOf(message, call) } satisfies CallbackReading;
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;
type Called = Reading & Pick<ProviderCall, 'inputMap'>;

const CANCELLED = new Set(['OK', 'CANCELLATION_REQUESTED']);

const dialectFor = (call: Pick<ProviderCall, 'input' | 'inputMap'>): Dialect => ({
  auth,
  readFailure: unmapped(call, readFailure),
});

function submitPath({ providerModel, callbackUrl }: ProviderCall): string {
  const path = `/${segments(providerModel)}`;
  return callbackUrl === undefined
    ? path
    : `${path}?fal_webhook=${encodeURIComponent(callbackUrl)}`;
}

/**
 * What follows owner and app chooses an endpoint of the app, and is not asked about. Workflows have
 * a word before both.
 */
function pathOf({ providerModel, providerJobId }: ProviderJob): string {
  const named = providerModel.split('/');
  const app = named.slice(0, NAMESPACES.has(named[0] ?? '') ? 3 : 2).join('/');
  return `/${segments(app)}/requests/${encodeURIComponent(providerJobId)}`;
}

const NAMESPACES: ReadonlySet<string> = new Set(['workflows', 'comfy']);

const segments = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

async function poll(wire: Wire, job: PolledJob): Promise<JobOutcome> {
  const beganMs = performance.now();
  const asking = { dialect: { auth }, method: 'GET', bytesMax: JOB_ANSWER_BYTES_MAX } as const;
  const read = await callJson(wire, job, {
    ...asking,
    path: `${pathOf(job)}/status`,
    mayHaveErrorField: true,
  });
  if ('outcome' in read) {
    if (isForgotten(read.refusal)) return unknown('the provider no longer knows the job');
    return unanswered(read.outcome);
  }
  const { status } = read.answer;
  if (status === 'IN_QUEUE' || status === 'IN_PROGRESS') return { kind: 'pending' };
  if (status !== 'COMPLETED')
    return { kind: 'pending', detail: 'the job has no status that is known' };
  const leftMs = Math.floor(job.timeoutMs - (performance.now() - beganMs));
  if (leftMs <= 0) return { kind: 'pending', detail: 'no time was left to fetch the result' };
  const fetched = await callJson(
    wire,
    { ...job, timeoutMs: leftMs },
    { ...asking, dialect: dialectFor(job), path: pathOf(job), mayHaveErrorField: true },
  );
  if (!('outcome' in fetched)) return resultOf(fetched.answer, job, read.answer['metrics']);
  const failed = failureInPayload(fetched.refusal, job) ?? failureInStatus(read.answer, job);
  return failed ?? endOf(fetched) ?? unanswered(fetched.outcome);
}

/** A result that is refused in the app's own words, for no fault of the question, is the end. */
function endOf({ outcome, refusal }: NotRead): ProviderResult | undefined {
  if (!isObject(refusal) || outcome.kind !== 'failed') return undefined;
  if (isForgotten(refusal)) return unknown('the provider no longer has the result');
  const { code, elsewhere, retryable } = outcome;
  if (!retryable || code === 'GENERATION_FAILED') return outcome;
  const isRefused = code === 'MODEL_UNAVAILABLE' && elsewhere && !outcome.countsAsFailure;
  return isRefused ? jobFailed(meanings.broken, `the job failed (${outcome.detail})`) : undefined;
}

function outcomeOf({ status, payload, error }: Fields, call: Called): JobOutcome {
  if (status === 'OK' && isObject(payload)) return resultOf(payload, call, undefined);
  // The result could not be sent; it can be fetched.
  if (status === 'OK') return { kind: 'pending', detail: 'the callback has no payload' };
  if (status !== 'ERROR') return { kind: 'pending', detail: 'the callback has no known status' };
  const said = typeof error === 'string' ? /\b[45]\d\d\b/.exec(error)?.[0] : undefined;
  const told = { ...(isObject(payload) && payload), error: undefined };
  return (
    failureInPayload(payload, call) ??
    failureInStatus(told, call, said === undefined ? undefined : Number(said)) ??
    jobFailed(meanings.broken, said ? `the job failed (${said})` : 'the job failed')
  );
}

/** Its own 404 says so in JSON; a gateway's does not. */
const isForgotten = (refusal: unknown): boolean =>
  isObject(refusal) &&
  typeof refusal['detail'] === 'string' &&
  /not found/i.test(refusal['detail']);
