/**
 * Where a process is reached by the other processes of its system, apart from the public port:
 * forwarded commands come in here. Every request is signed with a key that follows from the master
 * key. A request that is repeated does nothing new: its commands name what they are about, and its
 * token ends with the lease.
 *
 *   200 decided: one outcome per command    409 not the owner under that token
 *   400 cannot be read    401 not signed by one of ours    404 no such path
 *   411, 413 no length, or too large        503 too much is under way
 *
 * But for 200, nothing of it was or will be decided.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  readBatch,
  writeSettled,
  type ForwardedBatch,
  type Settled,
} from './forwarded-commands.js';
import { AUTHORIZATION, FORWARDED_COMMANDS_PATH, isSignedBy } from './signature.js';

interface InternalListenerOptions {
  /** The name by which others reach it. It listens there if that is loopback, else everywhere. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly key: string;
  /** Undefined when this process is not the owner under the batch's token. */
  readonly decide: (batch: ForwardedBatch) => Promise<readonly Settled[]> | undefined;
  readonly onError: (error: unknown) => void;
}

export interface InternalListener {
  /** `host:port`, as others reach it. */
  readonly address: string;
  /** Answers what is under way, and takes nothing more. */
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 8 * 1024 * 1024;
/** Of all bodies that were begun and are not answered. */
const BYTES_MAX = 64 * 1024 * 1024;
const COMMANDS_MAX = 8_192;
const REQUEST_MS = 2_000;
/** Longer than senders keep an idle connection, so that no request meets one that is closing. */
const KEEP_ALIVE_MS = 60_000;
const HEADER_BYTES_MAX = 8 * 1024;
const CONNECTIONS_MAX = 1_024;
/** What strangers send must not fill the log. */
const REPORT_EVERY_MS = 1_000;

interface Load {
  bytes: number;
  commands: number;
}

interface Answer {
  readonly status: number;
  readonly text?: string;
}

/** Rejects with the system's error when the address cannot be had. */
export async function openInternalListener(
  options: InternalListenerOptions,
): Promise<InternalListener> {
  const { host, port } = options;
  const onError = atMostEvery(REPORT_EVERY_MS, options.onError);
  const load: Load = { bytes: 0, commands: 0 };
  const answering = new Set<Promise<void>>();
  const server = boundedServer();
  server.on('request', (request, response) => {
    const answered = answerTo({ ...options, onError }, load, request)
      .then((answer) => send(response, answer))
      .catch((error: unknown) => {
        onError(error);
        response.destroy();
      })
      .finally(() => answering.delete(answered));
    answering.add(answered);
  });
  server.listen(port, isLoopback(host) ? host : undefined);
  await once(server, 'listening');
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    address: `${name}:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await Promise.all(answering);
      server.closeAllConnections();
      await closed;
    },
  };
}

function atMostEvery(ms: number, report: (error: unknown) => void): (error: unknown) => void {
  let nextAtMs = -Infinity;
  return (error) => {
    if (performance.now() < nextAtMs) return;
    nextAtMs = performance.now() + ms;
    report(error);
  };
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.');

function boundedServer(): Server {
  const server = createServer({
    headersTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: REQUEST_MS / 2,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
    noDelay: true,
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on('clientError', (_, socket) => void socket.destroy());
  return server;
}

async function answerTo(
  { key, decide, onError }: InternalListenerOptions,
  load: Load,
  request: IncomingMessage,
): Promise<Answer> {
  if (request.method !== 'POST' || request.url !== FORWARDED_COMMANDS_PATH) return { status: 404 };
  const length = Number(request.headers['content-length'] ?? NaN);
  if (!Number.isSafeInteger(length)) return { status: 411 };
  if (length > BODY_BYTES_MAX) return { status: 413 };
  if (load.bytes + length > BYTES_MAX) return { status: 503 };
  load.bytes += length;
  try {
    const body = await bodyOf(request, length);
    if (!isSignedBy(key, body, request.headers[AUTHORIZATION])) return { status: 401 };
    const batch = batchIn(body, onError);
    if (!batch) return { status: 400 };
    return await decided(decide, load, batch);
  } finally {
    load.bytes -= length;
  }
}

/** Into one buffer: a body in tiny chunks takes no more than its length. */
async function bodyOf(request: IncomingMessage, length: number): Promise<Buffer> {
  const body = Buffer.allocUnsafe(length);
  let at = 0;
  for await (const chunk of request) at += (chunk as Buffer).copy(body, at);
  return body.subarray(0, at);
}

function batchIn(body: Buffer, onError: (error: unknown) => void): ForwardedBatch | undefined {
  try {
    return readBatch(body);
  } catch (error) {
    onError(error);
    return undefined;
  }
}

async function decided(
  decide: InternalListenerOptions['decide'],
  load: Load,
  batch: ForwardedBatch,
): Promise<Answer> {
  const { length } = batch.commands;
  if (load.commands + length > COMMANDS_MAX) return { status: 503 };
  load.commands += length;
  try {
    const settled = await decide(batch);
    return settled ? { status: 200, text: writeSettled(settled) } : { status: 409 };
  } finally {
    load.commands -= length;
  }
}

function send(response: ServerResponse, { status, text = '' }: Answer): void {
  // A body that was not read would be taken for the next request.
  const isUnread = !response.req.complete;
  const headers = { 'content-length': Buffer.byteLength(text) };
  response.writeHead(status, isUnread ? { ...headers, connection: 'close' } : headers);
  response.end(text);
}
