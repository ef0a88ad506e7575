/**
 * The sandbox's jobs, a neutral form of the providers that answer later: `POST /jobs` accepts one,
 * `GET /jobs/{id}` says what became of it, `POST /jobs/{id}/cancel` stops it. Errors have OpenAI's
 * envelope. Pictures are delivered by URL and counted by us: never more than were asked for.
 */
import { apiPath } from '../api-path.js';
import { openaiDialect } from '../openai/failures.js';
import { meanings } from '../meanings.js';
import { cancelledThere, jobFailed, jobIdIn, unanswered } from '../job-answers.js';
import { callJson, isObject, unknown } from '../json-call.js';
import type {
  JobOutcome,
  ProducedFile,
  ProviderAdapter,
  ProviderJob,
  ProviderOutcome,
  ProviderResult,
} from '../port.js';
import { imagesAsked } from '../produced.js';
import type { Vendor, Wire } from '../vendor.js';

const ANSWER_BYTES_MAX = 256 * 1024;

export const sandboxJobs: Vendor = {
  'sandbox-jobs': { modalities: ['image'], open: openJobs },
};

function openJobs(wire: Wire): ProviderAdapter {
  return {
    async call(call) {
      const read = await callJson(wire, call, {
        dialect: openaiDialect,
        method: 'POST',
        path: apiPath(call.provider, '/jobs'),
        body: { model: call.providerModel, input: requestOf(call.input) },
        bytesMax: ANSWER_BYTES_MAX,
      });
      return 'outcome' in read ? read.outcome : outcomeOf(read.answer, call.input);
    },

    async poll(job) {
      const read = await callJson(wire, job, {
        dialect: openaiDialect,
        method: 'GET',
        path: pathOf(job),
        bytesMax: ANSWER_BYTES_MAX,
        mayHaveErrorField: true,
      });
      if (!('outcome' in read)) return stateOf(read.answer, job.input);
      if (isUnknownJob(read.refusal)) return unknown('the provider no longer knows the job');
      return unanswered(read.outcome);
    },

    async cancel(job) {
      const read = await callJson(wire, job, {
        dialect: openaiDialect,
        method: 'POST',
        path: `${pathOf(job)}/cancel`,
        bytesMax: ANSWER_BYTES_MAX,
        mayHaveErrorField: true,
      });
      return 'answer' in read && read.answer['status'] === 'cancelled';
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

function requestOf({ width, height, num_images, ...rest }: Fields): Fields {
  const n = imagesAsked({ num_images });
  if (typeof width !== 'number' || typeof height !== 'number') return { ...rest, n };
  return { ...rest, n, size: `${width}x${height}` };
}

const pathOf = ({ provider, providerJobId }: ProviderJob) =>
  apiPath(provider, `/jobs/${encodeURIComponent(providerJobId)}`);

/** What is accepted may be done already: some providers wait a moment before they answer. */
function outcomeOf(answer: Fields, input: Fields): ProviderOutcome {
  const id = jobIdIn(answer['id']);
  if (id === undefined) return unknown('accepted without the id of a job');
  const state = stateOf(answer, input);
  return state.kind === 'pending' ? { kind: 'accepted', providerJobId: id } : state;
}

/** Of a job as the provider describes it, in the answer to a question or in a callback. */
function stateOf({ status, output }: Fields, input: Fields): JobOutcome {
  switch (status) {
    case 'queued':
    case 'running':
      return { kind: 'pending' };
    case 'succeeded':
      return resultOf(output, imagesAsked(input));
    case 'failed':
      return jobFailed(meanings.broken, 'the job failed');
    case 'cancelled':
      return cancelledThere();
    default:
      return { kind: 'pending', detail: 'the job has no status that is known' };
  }
}

function resultOf(output: unknown, asked: number): ProviderResult {
  const urls = Array.isArray(output) ? (output as unknown[]).slice(0, asked) : [];
  const images = urls.flatMap(producedIn);
  if (images.length === 0)
    return jobFailed(meanings.unusable, 'the job succeeded without a picture');
  return {
    kind: 'succeeded',
    output: { modality: 'image', images },
    usage: { images: images.length },
  };
}

const producedIn = (url: unknown): ProducedFile[] =>
  typeof url === 'string' && URL.canParse(url) && /^https?:/i.test(url) ? [{ url }] : [];

const isUnknownJob = (refusal: unknown): boolean =>
  isObject(refusal) && isObject(refusal['error']) && refusal['error']['code'] === 'job_not_found';
