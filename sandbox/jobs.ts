/**
 * A provider that answers later, in a neutral form of what such providers speak:
 *
 *   POST …/v1/jobs               {model, input: {prompt, …}} → 202 {id, status: 'queued', urls, …}
 *   GET  …/v1/jobs/{id}          → {id, status, output, error, usage, …}
 *   POST …/v1/jobs/{id}/cancel   → the same; a job that is over stays as it is
 *
 * The status is queued, running, succeeded, failed or cancelled. A job's id follows from its
 * request: a repeated `Idempotency-Key` names the same job, and makes it again where a restart has
 * lost it. An accepted job is charged unless it fails, also when it is cancelled.
 */
import { hash } from 'node:crypto';
import { type Behaviour } from './behaviour.js';
import { fileNameOf, imageRequestOf, specsOf } from './images.js';
import { contentPolicyViolation } from './api-error.js';
import { type Parsed } from './job.js';
import { type Personality } from './personalities.js';

interface LaterJob {
  readonly id: string;
  readonly model: string;
  readonly createdMs: number;
  readonly doneMs: number;
  readonly ends: Behaviour['jobsEnd'];
  readonly output: readonly string[];
  isCancelled: boolean;
}

/** Jobs by id; the oldest are forgotten first. */
export interface Jobs {
  /** The job of that id as it was made first. */
  make(job: LaterJob): LaterJob;
  find(id: string): LaterJob | undefined;
}

export function openJobs(jobsMax: number): Jobs {
  const jobs = new Map<string, LaterJob>();
  return {
    make(job) {
      const before = jobs.get(job.id);
      if (before) return before;
      jobs.set(job.id, job);
      for (const oldest of jobs.keys()) {
        if (jobs.size <= jobsMax) break;
        jobs.delete(oldest);
      }
      return job;
    },
    find: (id) => jobs.get(id),
  };
}

interface Making {
  readonly jobs: Jobs;
  /** The address of the personality. */
  readonly url: string;
  readonly arrivedMs: number;
  readonly behaviour: Pick<Behaviour, 'jobMs' | 'jobsEnd'>;
}

export function parseJob(
  { model, input }: Record<string, unknown>,
  personality: Personality,
  { jobs, url, arrivedMs, behaviour }: Making,
): Parsed {
  const given = typeof input === 'object' && input !== null ? input : {};
  const request = imageRequestOf({ ...given, model });
  if ('status' in request) return { refusal: request };
  if (request.prompt.includes('[[moderation]]')) return { refusal: contentPolicyViolation };
  const files = specsOf(request, personality).map(fileNameOf);
  return {
    model: request.model,
    job: {
      status: 202,
      isPaid: behaviour.jobsEnd !== 'failed',
      work: null,
      answer({ digest }) {
        const job = jobs.make({
          id: `job_${hash('sha256', digest, 'hex').slice(0, 24)}`,
          model: request.model,
          createdMs: arrivedMs,
          doneMs: arrivedMs + behaviour.jobMs,
          ends: behaviour.jobsEnd,
          output: files.map((file) => `${url}/files/${file}.png`),
          isCancelled: false,
        });
        const body = jobBody(job, arrivedMs, url);
        return { body, usage: body.usage };
      },
    },
  };
}

/** What a job is at `nowMs`; its output shows once it has succeeded. */
export function jobBody(job: LaterJob, nowMs: number, url: string) {
  const status = statusOf(job, nowMs);
  const isDone = status === 'succeeded';
  return {
    id: job.id,
    model: job.model,
    status,
    created_at: new Date(job.createdMs).toISOString(),
    output: isDone ? job.output : null,
    error: status === 'failed' ? { code: 'generation_failed', message: 'The job failed.' } : null,
    usage: { images: isDone ? job.output.length : 0 },
    urls: { get: `${url}/v1/jobs/${job.id}`, cancel: `${url}/v1/jobs/${job.id}/cancel` },
  };
}

function statusOf({ createdMs, doneMs, ends, isCancelled }: LaterJob, nowMs: number) {
  if (isCancelled) return 'cancelled';
  if (nowMs < createdMs + (doneMs - createdMs) / 4) return 'queued';
  return nowMs < doneMs || ends === 'never' ? 'running' : ends;
}

/** A job that is over stays as it is. */
export function cancelJob(job: LaterJob, nowMs: number): void {
  const status = statusOf(job, nowMs);
  if (status === 'queued' || status === 'running') job.isCancelled = true;
}
