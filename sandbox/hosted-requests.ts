/** What is asked about the jobs of vega and lyra. */
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type ApiError, invalidRequest } from './api-error.js';
import { callOf, type Desk, injectedFailure, refuse } from './calls.js';
import { falFormat, replicateFormat, type HostFormat } from './hosted-formats.js';
import { misbehave, misbehaviours } from './misbehave.js';
import { type Personality } from './personalities.js';
import { readBody, sendJson } from './wire.js';

const BODY_BYTES_MAX = 64 * 1024;

/** Questions are free, and so is a cancel. */
export async function answerHosted(
  desk: Desk,
  personality: Personality,
  format: HostFormat,
  endpoint: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '' } = request;
  if (method === 'GET' && endpoint === '/.well-known/jwks.json' && format === falFormat)
    return sendPublic(request, response, desk.hosting.keys);
  if (method === 'GET' && endpoint === '/v1/webhooks/default/secret' && format === replicateFormat)
    return sendPublic(request, response, { key: desk.hosting.secret });
  const bytes = await readBody(request, BODY_BYTES_MAX);
  if (bytes === 'aborted' || desk.isClosed()) return;
  const call = callOf(personality, endpoint, request, response, bytes);
  const fate = desk.behaviours.fateOf(personality.name, 'polls');
  if (fate.fails) {
    const { failure, headers } = injectedFailure(desk, personality);
    return refuse(desk, call, failure, null, headers);
  }
  const question = format.questionAt(method, endpoint);
  const { forgetsJobs } = desk.behaviours.of(personality.name);
  const job = question && !forgetsJobs ? desk.hosting.find(question.id) : undefined;
  if (!question || !job || job.personality !== personality)
    return refuse(desk, call, notFound, null);
  const isLate = question.of === 'cancel' && !desk.hosting.cancel(job, call.arrivedMs);
  const url = `${desk.url}/${personality.name}`;
  const { status, body } =
    isLate && format === falFormat
      ? { status: 400, body: { status: 'ALREADY_COMPLETED' } }
      : format.reply(job, question, call.arrivedMs, url);
  const { misbehaviour } = fate;
  const answered = misbehaviour ? misbehaviours[misbehaviour].status : status;
  await desk.record.finish({ ...call.facts, status: answered, misbehaviour }, null).written;
  const text = JSON.stringify(body);
  if (!misbehaviour) return sendJson(response, status, text);
  misbehave(misbehaviour, {
    request,
    response,
    contentType: 'application/json',
    body: Buffer.from(text),
    usage: null,
    redirectTo: `${url}/v1/elsewhere`,
  });
}

function sendPublic(request: IncomingMessage, response: ServerResponse, body: object): void {
  request.resume();
  sendJson(response, 200, JSON.stringify(body));
}

const notFound: ApiError = {
  ...invalidRequest('The requested resource was not found.', null),
  status: 404,
};
