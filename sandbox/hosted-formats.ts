/** How vega (Replicate's predictions) and lyra (fal's queue) speak; hosted-jobs.ts has the jobs. */
import { statusOf, type HostedJob, type HostedStatus } from './hosted-jobs.js';

export interface Submission {
  readonly model: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly callbackUrl: string | undefined;
}

export interface HostFormat {
  readonly scheme: 'Bearer' | 'Key';
  /** Of a request that submits work; null for any other. */
  modelAt(endpoint: string): string | null;
  submissionOf(model: string, body: Readonly<Record<string, unknown>>, query: string): Submission;
  /** The answer to a submission. */
  accepted(job: HostedJob, url: string): object;
  /** What the callback URL is told. */
  callback(job: HostedJob, nowMs: number): object;
  refusal(status: number, message: string, field?: string): object;
  /** What a request asks about a job: its id, and what of it. */
  questionAt(method: string, endpoint: string): Question | null;
  reply(job: HostedJob, question: Question, nowMs: number, url: string): Reply;
}

export interface Question {
  readonly id: string;
  readonly of: 'status' | 'result' | 'cancel';
}

interface Reply {
  readonly status: number;
  readonly body: object;
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};

const predictionWords: Record<HostedStatus, string> = {
  waits: 'starting',
  runs: 'processing',
  succeeded: 'succeeded',
  failed: 'failed',
  moderated: 'failed',
  cancelled: 'canceled',
};

const predictionErrors: Partial<Record<HostedStatus, string>> = {
  failed: 'Prediction failed for an unknown reason. (E1000)',
  moderated: 'The input or output was flagged as sensitive. Please try again. (E005)',
};

function prediction(job: HostedJob, nowMs: number, url = ''): object {
  const status = statusOf(job, nowMs);
  const isDone = status === 'succeeded';
  const seconds = (job.doneMs - job.createdMs) / 1_000;
  const [first] = job.output;
  return {
    id: job.id,
    model: job.model,
    version: 'hidden',
    input: job.input,
    logs: '',
    output: isDone ? (job.made ?? (job.output.length === 1 ? first : job.output)) : null,
    data_removed: false,
    error: predictionErrors[status] ?? null,
    status: predictionWords[status],
    created_at: new Date(job.createdMs).toISOString(),
    metrics: isDone ? { predict_time: seconds, total_time: seconds } : {},
    urls: {
      get: `${url}/v1/predictions/${job.id}`,
      cancel: `${url}/v1/predictions/${job.id}/cancel`,
    },
  };
}

export const replicateFormat: HostFormat = {
  scheme: 'Bearer',
  modelAt: (endpoint) => /^\/v1\/models\/([^/]+\/[^/]+)\/predictions$/.exec(endpoint)?.[1] ?? null,
  submissionOf(model, { input, webhook }) {
    const callbackUrl = typeof webhook === 'string' ? webhook : undefined;
    return { model, input: fieldsOf(input), callbackUrl };
  },
  accepted: (job, url) => prediction(job, job.createdMs, url),
  callback: prediction,
  refusal: (status, message, field) => ({
    title: field === undefined ? 'Refused' : 'Input validation failed',
    detail: field === undefined ? message : `- input.${field}: ${message}\n`,
    status,
  }),
  questionAt(method, endpoint) {
    const [, id, cancel] = /^\/v1\/predictions\/([\w-]{1,64})(\/cancel)?$/.exec(endpoint) ?? [];
    if (id === undefined || method !== (cancel ? 'POST' : 'GET')) return null;
    return { id, of: cancel ? 'cancel' : 'status' };
  },
  reply: (job, _, nowMs, url) => ({ status: 200, body: prediction(job, nowMs, url) }),
};

const queueWords: Record<HostedStatus, string> = {
  waits: 'IN_QUEUE',
  runs: 'IN_PROGRESS',
  succeeded: 'COMPLETED',
  failed: 'COMPLETED',
  moderated: 'COMPLETED',
  cancelled: 'COMPLETED',
};

const errorsOf: Partial<Record<HostedStatus, object>> = {
  failed: { loc: ['body'], msg: 'Internal server error', type: 'internal_server_error' },
  moderated: {
    loc: ['body', 'prompt'],
    msg: 'The content could not be processed because it was flagged by a content checker.',
    type: 'content_policy_violation',
  },
  cancelled: { loc: ['body'], msg: 'Request cancelled', type: 'request_cancelled' },
};

function payloadOf({ output, made }: HostedJob, status: HostedStatus): object {
  const error = errorsOf[status];
  if (error) return { detail: [error] };
  if (made !== undefined) return made as object;
  const isFile = /^https?:/.test(output[0] ?? '');
  if (!isFile) return { output: output.join('') };
  return output[0]?.endsWith('.mp4')
    ? { video: { url: output[0], content_type: 'video/mp4', file_name: 'output.mp4' } }
    : { images: output.map((url) => ({ url, content_type: 'image/png' })), seed: 1 };
}

const submitted = /^\/(\w[\w.-]*(?:\/\w[\w.-]*)+)$/;

export const falFormat: HostFormat = {
  scheme: 'Key',
  modelAt: (endpoint) =>
    endpoint.includes('/requests/') ? null : (submitted.exec(endpoint)?.[1] ?? null),
  submissionOf(model, body, query) {
    const callbackUrl = new URLSearchParams(query).get('fal_webhook') ?? undefined;
    return { model, input: body, callbackUrl };
  },
  accepted({ id, model }, url) {
    const at = `${url}/${model.split('/').slice(0, 2).join('/')}/requests/${id}`;
    return {
      status: 'IN_QUEUE',
      request_id: id,
      response_url: at,
      status_url: `${at}/status`,
      cancel_url: `${at}/cancel`,
      queue_position: 0,
    };
  },
  callback(job, nowMs) {
    const status = statusOf(job, nowMs);
    const about = { request_id: job.id, gateway_request_id: job.id };
    const payload = payloadOf(job, status);
    return status === 'succeeded'
      ? { ...about, status: 'OK', payload }
      : { ...about, status: 'ERROR', error: 'Invalid status code: 422', payload };
  },
  refusal: (_, message, field) =>
    field === undefined
      ? { detail: message }
      : { detail: [{ loc: ['body', field], msg: message, type: 'value_error' }] },
  questionAt(method, endpoint) {
    const [, id, what] =
      /^\/[\w.-]+\/[\w.-]+\/requests\/([\w-]{1,64})(\/status|\/cancel)?$/.exec(endpoint) ?? [];
    if (id === undefined || method !== (what === '/cancel' ? 'PUT' : 'GET')) return null;
    return { id, of: what === '/status' ? 'status' : what === '/cancel' ? 'cancel' : 'result' };
  },
  reply(job, { of }, nowMs, url) {
    const status = statusOf(job, nowMs);
    const word = queueWords[status];
    if (of === 'status')
      return {
        status: word === 'COMPLETED' ? 200 : 202,
        body: { ...this.accepted(job, url), status: word },
      };
    if (of === 'cancel') return { status: 202, body: { status: 'CANCELLATION_REQUESTED' } };
    if (word !== 'COMPLETED')
      return { status: 400, body: { detail: 'Request is still in progress' } };
    return { status: errorsOf[status] ? 422 : 200, body: payloadOf(job, status) };
  },
};
