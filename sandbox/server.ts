/**
 * The sandbox: providers that are ours, over real HTTP on a loopback port.
 *
 *   /<personality>/v1/chat/completions      OpenAI chat completions
 *   /<personality>/v1/images/generations    OpenAI images, …/edits too
 *   /<personality>/v1/audio/speech          OpenAI speech, …/transcriptions too
 *   /<personality>/v1/embeddings            OpenAI embeddings
 *   /altair/v1/messages                     Anthropic messages
 *   /capella/v1beta/models/…                Gemini generateContent (texts, pictures), vectors
 *   /<personality>/v1/jobs[/<id>[/cancel]]  work that is answered later
 *   /vega/v1/models/…/predictions  /lyra/…  work that is called back (hosted-jobs.ts)
 *   /<personality>/files/<name>             produced pictures and videos
 *   /_sandbox/calls /callbacks /behaviour   what reached it, what it called back, how it behaves
 *   /_sandbox/requests                      the newest requests as they came
 *   /_sandbox/healthz                       whether it lives
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { openBehaviours } from './behaviour.js';
import { answerCall, type Desk } from './calls.js';
import { answerControl } from './control.js';
import { sendFile } from './files.js';
import { openHosting } from './hosted-jobs.js';
import { answerHosted } from './hosted-requests.js';
import { hostFormatOf } from './hosted-work.js';
import { fingerprintOf, type IdempotencyMemory, openIdempotencyMemory } from './idempotency.js';
import { openGallery } from './images.js';
import { answerJobRequest } from './job-requests.js';
import { openJobs } from './jobs.js';
import { personalities } from './personalities.js';
import { openRecentRequests } from './recent-requests.js';
import { type CallLine, openCallRecord } from './record.js';
import { sendJson } from './wire.js';

interface SandboxOptions {
  /** 0 picks a free one. */
  readonly port: number;
  readonly host?: string;
  /** The folder of the durable record; one sandbox at a time may have it open. */
  readonly dir: string;
  /** Seeds the dice of every personality. */
  readonly seed?: number;
}

export interface Sandbox {
  readonly url: string;
  readonly port: number;
  /** Ends open connections at once; calls that are still being worked on stay unfinished. */
  close(): Promise<void>;
}

const keysRemembered = 200_000;
const picturesKept = 16;
const jobsKept = 10_000;
/** Longer than any client keeps an idle connection, so that it is never closed under a request. */
const keepAliveMs = 120_000;

export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { port, host = '127.0.0.1', dir, seed = 1 } = options;
  const memory = openIdempotencyMemory(keysRemembered);
  const record = await openCallRecord(dir, (line) => rememberPast(memory, line));
  const server = createServer({ keepAliveTimeout: keepAliveMs });
  try {
    await listen(server, port, host);
  } catch (error) {
    await record.close();
    throw error;
  }
  const bound = (server.address() as AddressInfo).port;
  let closed = false;
  const behaviours = openBehaviours(personalities, seed);
  const desk: Desk = {
    record,
    memory,
    behaviours,
    hosting: openHosting({
      behaviourOf: (name) => behaviours.of(name),
      bodyOf: (job, nowMs) => hostFormatOf(job.personality)?.callback(job, nowMs) ?? {},
      isClosed: () => closed,
    }),
    requests: openRecentRequests(),
    gallery: openGallery(picturesKept),
    jobs: openJobs(jobsKept),
    url: `http://${host}:${bound}`,
    isClosed: () => closed,
  };
  server.on('request', (request, response) => {
    answer(desk, request, response).catch((error: unknown) => {
      if (closed || response.destroyed) return;
      process.emitWarning(error instanceof Error ? error : String(error));
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, ownFailure('The sandbox itself failed.'));
    });
  });
  return {
    url: desk.url,
    port: bound,
    async close() {
      if (closed) return;
      closed = true;
      const ended = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await ended;
      await record.close();
    },
  };
}

async function answer(
  desk: Desk,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = request.url ?? '/';
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  if (path.startsWith('/_sandbox/')) {
    return answerControl(desk, path, query < 0 ? '' : url.slice(query), request, response);
  }
  const slash = path.indexOf('/', 1);
  const name = path.slice(1, slash < 0 ? undefined : slash);
  const personality = personalities.find((known) => known.name === name);
  const endpoint = slash < 0 ? '/' : path.slice(slash);
  if (!personality) {
    request.resume();
    const known = personalities.map((each) => `/${each.name}`).join(', ');
    return sendJson(response, 404, ownFailure(`Nobody is at ${path}; try one of ${known}.`));
  }
  if (endpoint.startsWith('/files/')) {
    return sendFile(desk, personality, endpoint.slice('/files/'.length), request, response);
  }
  const trouble = desk.record.trouble();
  if (trouble) {
    request.resume();
    return sendJson(response, 503, ownFailure(`No record can be written: ${trouble.message}`));
  }
  if (personality.speaks === 'jobs' && endpoint.startsWith('/v1/jobs/')) {
    return answerJobRequest(desk, personality, endpoint, request, response);
  }
  const format = hostFormatOf(personality);
  if (format && format.modelAt(endpoint) === null)
    return answerHosted(desk, personality, format, endpoint, request, response);
  return answerCall(desk, personality, endpoint, request, response);
}

function ownFailure(message: string): string {
  return JSON.stringify({ error: { message, type: 'server_error', param: null, code: null } });
}

function rememberPast(memory: IdempotencyMemory, line: CallLine): void {
  const { personality: name, idempotencyKey, bodySha256, path, time } = line;
  const personality = personalities.find((each) => each.name === name);
  if (!personality?.honoursIdempotencyKey || idempotencyKey === null || !bodySha256) return;
  memory.remember(name, idempotencyKey, {
    fingerprint: fingerprintOf(path, bodySha256),
    createdSeconds: Math.floor(Date.parse(time) / 1000),
  });
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
