/** `GET …/v1/jobs/{id}` and `POST …/v1/jobs/{id}/cancel`: questions about jobs, which are free. */
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type ApiError, unknownPath } from './api-error.js';
import { callOf, type Desk, injectedFailure, refuse } from './calls.js';
import { cancelJob, jobBody } from './jobs.js';
import { misbehave, misbehaviours } from './misbehave.js';
import { type Personality } from './personalities.js';
import { readBody, sendJson } from './wire.js';

const BODY_BYTES_MAX = 64 * 1024;

export async function answerJobRequest(
  desk: Desk,
  personality: Personality,
  endpoint: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const bytes = await readBody(request, BODY_BYTES_MAX);
  if (bytes === 'aborted' || desk.isClosed()) return;
  const call = callOf(personality, endpoint, request, response, bytes);
  const [, id = '', cancel] = /^\/v1\/jobs\/(\w{1,64})(\/cancel)?$/.exec(endpoint) ?? [];
  if (request.method !== (cancel ? 'POST' : 'GET'))
    return refuse(desk, call, unknownPath(request.method ?? '', call.facts.path), null);

  const fate = desk.behaviours.fateOf(personality.name, 'polls');
  if (fate.fails) {
    const { failure, headers } = injectedFailure(desk, personality);
    return refuse(desk, call, failure, null, headers);
  }
  const { forgetsJobs } = desk.behaviours.of(personality.name);
  const job = forgetsJobs ? undefined : desk.jobs.find(id);
  if (!job) return refuse(desk, call, jobNotFound, null);
  if (cancel) cancelJob(job, call.arrivedMs);
  const url = `${desk.url}/${personality.name}`;
  const answer = jobBody(job, call.arrivedMs, url);
  const body = JSON.stringify(answer);
  const { misbehaviour } = fate;
  const status = misbehaviour ? misbehaviours[misbehaviour].status : 200;
  await desk.record.finish({ ...call.facts, status, misbehaviour }, null).written;
  if (!misbehaviour) return sendJson(response, 200, body);
  misbehave(misbehaviour, {
    request,
    response,
    contentType: 'application/json',
    body: Buffer.from(body),
    usage: answer.usage,
    redirectTo: `${url}/v1/elsewhere`,
  });
}

const jobNotFound: ApiError = {
  status: 404,
  message: 'There is no such job.',
  type: 'invalid_request_error',
  param: null,
  code: 'job_not_found',
};
