/**
 * One call to a personality, from its first byte to the answer:
 *
 *   read body → refuse what is wrong (400 401 404 413) → wait (latency) → fail at random
 *   → do the work → record it as paid → answer, or misbehave
 *
 * Nobody is answered before the record holds the call. Work goes on when the caller hangs up: a
 * provider that has started finishes and charges.
 */
import { hash } from 'node:crypto';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import {
  type ApiError,
  apiErrorBody,
  bodyTooLarge,
  idempotencyKeyReused,
  injectedError,
  invalidRequest,
  missingBearer,
  modelNotFound,
  unknownPath,
} from './api-error.js';
import { type Behaviours, type Fate } from './behaviour.js';
import { parseChat } from './chat.js';
import { type Hosting } from './hosted-jobs.js';
import { hostFormatOf, parseHosted } from './hosted-work.js';
import { fingerprintOf, type IdempotencyMemory } from './idempotency.js';
import { parseEmbeddings } from './embeddings.js';
import { formOf } from './form.js';
import { type Gallery, parseEdit, parseImages } from './images.js';
import { type Job, type Parsed } from './job.js';
import { type Jobs, parseJob } from './jobs.js';
import { misbehave, misbehaviours } from './misbehave.js';
import { type Personality } from './personalities.js';
import { type CallFacts, type CallRecord } from './record.js';
import { type RecentRequests } from './recent-requests.js';
import { parseSpeech } from './speech.js';
import { parseTranscription } from './transcription.js';
import { textFormatOf } from './text-formats.js';
import { readBody, sendBytes, sendJson } from './wire.js';

/** What the calls of all personalities share. */
export interface Desk {
  readonly record: CallRecord;
  readonly memory: IdempotencyMemory;
  readonly behaviours: Behaviours;
  readonly gallery: Gallery;
  readonly jobs: Jobs;
  readonly hosting: Hosting;
  readonly requests: RecentRequests;
  /** The sandbox's own address. */
  readonly url: string;
  isClosed(): boolean;
}

type JsonObject = Record<string, unknown>;

interface Call {
  readonly personality: Personality;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The path below the personality, which chooses the endpoint. */
  readonly endpoint: string;
  readonly arrivedMs: number;
  readonly facts: CallFacts;
}

const bodyBytesMax = 2 * 1024 * 1024;
/** Of a form, which carries files. */
const formBytesMax = 64 * 1024 * 1024;
const keyCharsMax = 255;

export async function answerCall(
  desk: Desk,
  personality: Personality,
  endpoint: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request, bytesMaxOf(endpoint));
  if (body === 'aborted' || desk.isClosed()) return;
  desk.requests.add(personality.name, request, body);
  const call = callOf(personality, endpoint, request, response, body);
  const parsed = parse(desk, call, body);
  if ('refusal' in parsed) return refuse(desk, call, parsed.refusal, null);

  const fate = desk.behaviours.fateOf(personality.name, 'calls');
  const takesTime = fate.latencyMs > 0 || parsed.job.work !== null;
  const number = takesTime ? desk.record.arrive(call.facts) : null;
  if (fate.latencyMs > 0) await wait(fate.latencyMs);
  if (desk.isClosed()) return;
  if (fate.fails) {
    const { failure, headers } = injectedFailure(desk, personality);
    return refuse(desk, call, failure, number, headers);
  }
  if (parsed.job.work && fate.misbehaviour !== 'redirect') await parsed.job.work();
  if (desk.isClosed()) return;
  return deliver(desk, call, parsed.job, fate, number);
}

/** From here to the record nothing waits: of two calls with one key, exactly one is paid. */
async function deliver(desk: Desk, call: Call, job: Job, fate: Fate, number: number | null) {
  const { personality, facts, response } = call;
  const { misbehaviour } = fate;
  const fault = misbehaviour && misbehaviours[misbehaviour];
  const key = personality.honoursIdempotencyKey ? facts.idempotencyKey : null;
  const fingerprint = fingerprintOf(facts.path, facts.bodySha256 ?? '');
  const original = key === null ? undefined : desk.memory.find(personality.name, key);
  if (original && original.fingerprint !== fingerprint) {
    return refuse(desk, call, idempotencyKeyReused, number);
  }
  const createdSeconds = original?.createdSeconds ?? Math.floor(call.arrivedMs / 1000);
  const paid = !original && job.isPaid && (fault?.paid ?? true);
  if (key !== null && paid) {
    desk.memory.remember(personality.name, key, { fingerprint, createdSeconds });
  }
  const status = response.destroyed ? 499 : fault ? fault.status : job.status;
  const replayed = original !== undefined;
  const { n, written } = desk.record.finish(
    { ...facts, status, paid, replayed, misbehaviour },
    number,
  );
  const digest = hash('sha256', `${createdSeconds} ${key ?? n} ${fingerprint}`, 'hex');
  const answer = job.answer({ digest, createdSeconds });
  const { contentType, content } = answer.bytes ?? jsonOf(answer.body);
  await written;

  if (misbehaviour) {
    return misbehave(misbehaviour, {
      request: call.request,
      response,
      contentType,
      body: content,
      usage: answer.bytes ? null : answer.usage,
      redirectTo: `${desk.url}/${personality.name}/v1/elsewhere`,
    });
  }
  const headers: Record<string, string> = { 'x-request-id': `req_${digest.slice(32)}` };
  if (replayed) headers['idempotent-replayed'] = 'true';
  sendBytes(response, job.status, content, { 'content-type': contentType, ...headers });
}

const jsonOf = (body: object) => ({
  contentType: 'application/json',
  content: Buffer.from(JSON.stringify(body)),
});

export function injectedFailure(desk: Desk, personality: Personality) {
  const { errorStatus, retryAfterSeconds } = desk.behaviours.of(personality.name);
  const headers: Record<string, string> =
    retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) };
  return { failure: injectedError(errorStatus), headers };
}

export async function refuse(
  desk: Desk,
  { personality, facts, response }: Call,
  refusal: ApiError,
  number: number | null,
  headers: Record<string, string> = {},
): Promise<void> {
  await desk.record.finish({ ...facts, status: refusal.status }, number).written;
  sendJson(response, refusal.status, refusalBody(personality, refusal), headers);
}

function refusalBody(personality: Personality, refusal: ApiError): string {
  const text = textFormatOf(personality);
  if (text) return JSON.stringify(text.refusal(refusal));
  const format = hostFormatOf(personality);
  if (!format) return apiErrorBody(refusal);
  const { status, message, param } = refusal;
  return JSON.stringify(format.refusal(status, message, param ?? undefined));
}

export function callOf(
  personality: Personality,
  endpoint: string,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer | 'too_large',
): Call {
  const arrivedMs = Date.now();
  const idempotencyKey = headerOf(request, 'idempotency-key');
  const facts: CallFacts = {
    time: new Date(arrivedMs).toISOString(),
    personality: personality.name,
    path: `/${personality.name}${endpoint}`,
    idempotencyKey,
    dispatchKey: headerOf(request, 'x-dispatch-key') ?? idempotencyKey,
    bodySha256: body === 'too_large' ? null : hash('sha256', body, 'hex'),
    status: null,
    paid: false,
    replayed: false,
    misbehaviour: null,
  };
  return { personality, request, response, endpoint, arrivedMs, facts };
}

function headerOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  const text = Array.isArray(value) ? value.join(', ') : value;
  return text === undefined || text === '' ? null : text.slice(0, keyCharsMax + 1);
}

function parse(desk: Desk, call: Call, body: Buffer | 'too_large'): Parsed {
  const { personality, request, endpoint, facts } = call;
  if (!listensAt(personality, endpoint)) {
    return { refusal: unknownPath(request.method ?? '', facts.path) };
  }
  if (request.method !== 'POST') {
    const message = `Not allowed to ${request.method} on ${endpoint} (HINT: use POST).`;
    return { refusal: { ...invalidRequest(message, null, 'method_not_allowed'), status: 405 } };
  }
  const unknown = credentialProblem(personality, request.headers);
  if (unknown) return { refusal: unknown };
  if (body === 'too_large') return { refusal: bodyTooLarge(bytesMaxOf(endpoint)) };
  if ((facts.idempotencyKey?.length ?? 0) > keyCharsMax) {
    return { refusal: invalidRequest('The Idempotency-Key has more than 255 characters.', null) };
  }
  const isForm = forms.includes(endpoint);
  const contentType = request.headers['content-type'] ?? '';
  const json = isForm ? formOf(body, contentType) : jsonObjectOf(body);
  if (!json) {
    const form = isForm ? 'multipart form' : 'JSON body';
    const message = `We could not parse the ${form} of your request as an object.`;
    return { refusal: invalidRequest(message, null) };
  }
  const parsed = parseFor(desk, call, json);
  if ('refusal' in parsed) return parsed;
  const { absentModels } = desk.behaviours.of(personality.name);
  return absentModels.includes(parsed.model) ? { refusal: modelNotFound(parsed.model) } : parsed;
}

function listensAt(personality: Personality, endpoint: string): boolean {
  const text = textFormatOf(personality);
  if (text) return text.listensAt(endpoint);
  const host = hostFormatOf(personality);
  if (host) return host.modelAt(endpoint) !== null;
  return (endpoints[personality.speaks] ?? []).includes(endpoint);
}

function credentialProblem(
  personality: Personality,
  headers: IncomingMessage['headers'],
): ApiError | undefined {
  const text = textFormatOf(personality);
  if (text) return headers[text.credentialHeader] ? text.missing?.(headers) : missingBearer;
  const scheme = hostFormatOf(personality)?.scheme ?? 'Bearer';
  return hasCredential(headers.authorization, scheme) ? undefined : missingBearer;
}

const endpoints: Readonly<Partial<Record<Personality['speaks'], readonly string[]>>> = {
  openai: [
    '/v1/chat/completions',
    '/v1/images/generations',
    '/v1/images/edits',
    '/v1/audio/speech',
    '/v1/audio/transcriptions',
    '/v1/embeddings',
  ],
  jobs: ['/v1/jobs'],
};

/** These take a form in the place of JSON. */
const forms = ['/v1/images/edits', '/v1/audio/transcriptions'];

const bytesMaxOf = (endpoint: string): number =>
  forms.includes(endpoint) ? formBytesMax : bodyBytesMax;

function parseFor(
  desk: Desk,
  { personality, request, endpoint, arrivedMs }: Call,
  json: JsonObject,
): Parsed {
  const { name } = personality;
  const text = textFormatOf(personality);
  if (text) return text.parse(endpoint, json, personality, desk.gallery);
  const format = hostFormatOf(personality);
  const hosted = format?.modelAt(endpoint);
  if (format && typeof hosted === 'string') {
    const [, query = ''] = (request.url ?? '').split('?', 2);
    const submission = format.submissionOf(hosted, json, query);
    return parseHosted(submission, { desk, personality, format, arrivedMs });
  }
  if (endpoint === '/v1/chat/completions') return parseChat(json, personality);
  if (endpoint === '/v1/audio/speech') return parseSpeech(json, personality);
  if (endpoint === '/v1/audio/transcriptions') return parseTranscription(json, personality);
  if (endpoint === '/v1/embeddings') return parseEmbeddings(json);
  if (endpoint === '/v1/jobs')
    return parseJob(json, personality, {
      jobs: desk.jobs,
      url: `${desk.url}/${name}`,
      arrivedMs,
      behaviour: desk.behaviours.of(name),
    });
  const filesUrl = `${desk.url}/${name}/files`;
  if (endpoint === '/v1/images/edits') return parseEdit(json, personality, desk.gallery, filesUrl);
  return parseImages(json, personality, desk.gallery, filesUrl);
}

function hasCredential(authorization: string | undefined, scheme: string): boolean {
  const [given = '', secret = ''] = (authorization ?? '').split(/ (.*)/s, 2);
  return given.toLowerCase() === scheme.toLowerCase() && secret.trim() !== '';
}

function jsonObjectOf(body: Buffer): JsonObject | null {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'));
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    return isObject ? (json as JsonObject) : null;
  } catch {
    return null;
  }
}

/** A waiting call alone does not keep a process alive that has closed its sandbox. */
function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
