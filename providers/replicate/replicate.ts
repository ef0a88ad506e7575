/**
 * Replicate's predictions, as its HTTP API documents them:
 *
 *   POST /v1/models/{owner}/{name}/predictions        an official model, `owner/name`
 *   POST /v1/deployments/{owner}/{name}/predictions   `deployments/owner/name`
 *   POST /v1/predictions                              a version, `owner/name:<64 hex>` or the hex
 *   GET  /v1/predictions/{id}   POST /v1/predictions/{id}/cancel
 *
 * A prediction is starting, processing, succeeded, failed, canceled or aborted; its webhook has the
 * same form as its answer. Nothing is owed for one that failed.
 */
import { apiPath } from '../api-path.js';
import {
  cancelledThere,
  JOB_ANSWER_BYTES_MAX,
  jobFailed,
  jobIdIn,
  objectOf,
  submitting,
  unanswered,
} from '../job-answers.js';
import { mappedInput, unmapped } from '../input-map.js';
import { callJson, isObject, unknown } from '../json-call.js';
import { meanings } from '../meanings.js';
import type {
  CallbackReading,
  JobOutcome,
  ProviderAdapter,
  ProviderCall,
  ProviderJob,
  ProviderOutcome,
} from '../port.js';
import { heardIn, producedIn, type Reading } from '../produced.js';
import type { Vendor, Wire } from '../vendor.js';
import { failureOfJob, readFailure } from './failures.js';
import { openSignatures } from './signature.js';
import { usageOf } from './usage.js';

export const replicate: Vendor = {
  replicate: {
    modalities: ['text', 'image', 'audio', 'video', 'transcription', 'embedding'],
    mapsInput: true,
    open: openReplicate,
  },
};

function openReplicate(wire: Wire): ProviderAdapter {
  const signatures = openSignatures(wire);
  return {
    async call(call) {
      const read = await callJson(wire, submitting(call), {
        dialect: { readFailure: unmapped(call, readFailure) },
        method: 'POST',
        path: apiPath(call.provider, pathFor(call.providerModel)),
        body: await bodyOf(call),
        bytesMax: JOB_ANSWER_BYTES_MAX,
      });
      if ('outcome' in read) return read.outcome;
      return acceptanceOf(read.answer, { ...call, ...heardIn(call) });
    },

    async poll(job) {
      const read = await callJson(wire, job, {
        method: 'GET',
        path: pathOf(job),
        bytesMax: JOB_ANSWER_BYTES_MAX,
        mayHaveErrorField: true,
      });
      if (!('outcome' in read)) return stateOf(read.answer, job);
      if (isForgotten(read.refusal)) return unknown('the provider no longer knows the job');
      return unanswered(read.outcome);
    },

    async cancel(job) {
      const read = await callJson(wire, job, {
        method: 'POST',
        path: `${pathOf(job)}/cancel`,
        bytesMax: JOB_ANSWER_BYTES_MAX,
        mayHaveErrorField: true,
      });
      return 'answer' in read && CANCELLED.test(String(read.answer['status']));
    },

    checkCallback: (callback, call) => signatures.check(callback, call),

    readCallback({ body }, call) {
      const prediction = objectOf(body);
      const id = jobIdIn(prediction?.['id']);
      if (!prediction || id === undefined) return 'unreadable';
      return { providerJobId: id, outcome: stateOf(prediction, call) } satisfies CallbackReading;
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;
const VERSION = /^(?:[^:]+:)?([0-9a-f]{64})$/;

function pathFor(model: string): string {
  if (VERSION.test(model)) return '/predictions';
  const [kind, ...named] = model.split('/');
  const isDeployment = kind === 'deployments' && named.length === 2;
  const path = model.split('/').map(encodeURIComponent).join('/');
  return isDeployment ? `/${path}/predictions` : `/models/${path}/predictions`;
}

async function bodyOf(call: ProviderCall): Promise<Fields> {
  const { providerModel, callbackUrl, routeRequest } = call;
  const version = VERSION.exec(providerModel)?.[1];
  return {
    ...(version !== undefined && { version }),
    input: { ...(await mappedInput(call)), ...routeRequest?.add },
    ...(callbackUrl !== undefined && {
      webhook: callbackUrl,
      webhook_events_filter: ['completed'],
    }),
  };
}

const pathOf = ({ provider, providerJobId }: ProviderJob): string =>
  apiPath(provider, `/predictions/${encodeURIComponent(providerJobId)}`);

/** A prediction may be over in the answer that accepts it. */
function acceptanceOf(answer: Fields, call: Reading): ProviderOutcome {
  const id = jobIdIn(answer['id']);
  if (id === undefined) return unknown('accepted without the id of a job');
  const state = stateOf(answer, call);
  return state.kind === 'pending' ? { kind: 'accepted', providerJobId: id } : state;
}

/** Of a prediction, in an answer or in a callback. */
function stateOf(prediction: Fields, reading: Reading): JobOutcome {
  switch (prediction['status']) {
    case 'starting':
    case 'processing':
      return { kind: 'pending' };
    case 'succeeded':
      return resultOf(prediction, reading);
    case 'failed':
      return failureOfJob(prediction['error']);
    case 'canceled':
      return cancelledThere();
    case 'aborted':
      return jobFailed(meanings.timedOut, 'the job passed its deadline at the provider');
    default:
      return { kind: 'pending', detail: 'the job has no status that is known' };
  }
}

/** What a prediction made is taken away after an hour: late questions find it without output. */
function resultOf(prediction: Fields, reading: Reading): JobOutcome {
  const { output: made, metrics, data_removed: isRemoved } = prediction;
  const output = producedIn(reading, made);
  if (output) return { kind: 'succeeded', output, usage: usageOf(output, reading.input, metrics) };
  const lacks = isRemoved === true ? 'and its output was removed' : `without ${reading.modality}`;
  return jobFailed(meanings.unusable, `the job succeeded ${lacks}`);
}

const CANCELLED = /^(canceled|aborted)$/;

/** Its own 404 has a body that says so; a gateway's has none. */
const isForgotten = (refusal: unknown): boolean =>
  isObject(refusal) && refusal['status'] === 404 && typeof refusal['detail'] === 'string';
