/**
 * Hands one request on, streaming both ways; nothing is kept.
 *
 *   a kept connection had ended      the same replica again: nothing was sent
 *   no connection                    the next replica is tried: nothing was sent
 *   cut before the answer began      the next one for a read; a command may have happened, so that
 *                                    its sender is told to ask again, under the same key
 *   cut after the answer began       the caller's connection is cut too
 */
import { randomUUID } from 'node:crypto';
import { request as open, type ClientRequest, type IncomingMessage } from 'node:http';
import type { ServerResponse } from 'node:http';
import { finished, pipeline } from 'node:stream';
import { errorReply } from '../../../http/server/envelope.js';
import { hasUnreadBody } from '../../../http/server/read-body.js';
import { Refusal } from '../../../http/server/route.js';
import { endWhenRead, send } from '../../../http/server/send.js';
import type { Backend } from './backends.js';

export interface Exchange {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  /** In the order in which they are tried. */
  readonly backends: readonly Backend[];
  /** The caller waits to be told that the body is wanted. */
  readonly expectsContinue: boolean;
  /** The connection ends with this answer. */
  readonly isClosing: () => boolean;
}

/** What became of one try. */
type Outcome = 'answered' | 'stale' | 'not_sent' | 'unknown';

/** Longer than our own processes take to say that they cannot. */
const READ_TIMEOUT_MS = 5_000;
const COMMAND_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 1_000;
const STALE_MAX = 10;
/** An answer that has begun may pause for so long. */
const STREAM_TIMEOUT_MS = 60_000;

/** Resolves when the caller has an answer; never rejects. */
export async function forward(exchange: Exchange): Promise<void> {
  for (const backend of exchange.backends) {
    let outcome = await tryOnce(exchange, backend);
    // As many as were kept may have ended together, when the replica was replaced.
    for (let tries = 1; outcome === 'stale' && tries < STALE_MAX; tries += 1)
      outcome = await tryOnce(exchange, backend);
    if (outcome === 'answered') return;
    backend.fitness = 'away';
    if (outcome === 'unknown') break;
  }
  refuse(exchange);
}

async function tryOnce(exchange: Exchange, backend: Backend): Promise<Outcome> {
  const { address } = backend.replica;
  if (!address) return 'not_sent';
  backend.inFlight += 1;
  const outcome = await tryAt(exchange, backend, address);
  backend.inFlight -= 1;
  return outcome;
}

function tryAt(exchange: Exchange, { agent }: Backend, address: string): Promise<Outcome> {
  const { incoming, response } = exchange;
  const { method = 'GET', url = '/' } = incoming;
  const { hostname, port } = new URL(address);
  const hasBody = announcesBody(incoming);
  const isRead = isReading(method) && !hasBody;
  return new Promise((resolve) => {
    const out = open({ agent, hostname, port, method, path: url, headers: headersOf(exchange) });
    let isConnected = false;
    let hasAnswer = false;
    const giveUp = () => out.destroy(new Error('no answer in time'));
    const connecting = setTimeout(giveUp, CONNECT_TIMEOUT_MS);
    const hangUp = () => out.destroy();
    const settle = (outcome: Outcome) => {
      clearTimeout(connecting);
      response.off('close', hangUp);
      if (hasBody) incoming.unpipe(out);
      resolve(outcome);
    };
    response.once('close', hangUp);
    out.setTimeout(isRead ? READ_TIMEOUT_MS : COMMAND_TIMEOUT_MS, giveUp);
    out.once('socket', (socket) => {
      const begin = () => {
        clearTimeout(connecting);
        isConnected = true;
        sendRequest(exchange, out, hasBody);
      };
      if (socket.connecting) socket.once('connect', begin);
      // That a kept connection has ended is known one turn later, and nothing was sent on it then.
      else setImmediate(() => (socket.destroyed ? undefined : begin()));
    });
    out.once('response', (answer) => {
      hasAnswer = true;
      out.setTimeout(STREAM_TIMEOUT_MS);
      relay(exchange, answer, () => settle('answered'));
    });
    out.on('error', () => {
      // What breaks after the answer began is told by the answer's own end.
      if (hasAnswer) return;
      if (response.destroyed) settle('answered');
      else if (out.reusedSocket && !isConnected) settle('stale');
      else settle(isConnected && !isRead ? 'unknown' : 'not_sent');
    });
  });
}

const isReading = (method: string): boolean => method === 'GET' || method === 'HEAD';

const announcesBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

function sendRequest(exchange: Exchange, out: ClientRequest, hasBody: boolean): void {
  const { incoming, response, expectsContinue } = exchange;
  if (!hasBody) out.end();
  else if (!expectsContinue) incoming.pipe(out);
  else {
    out.once('continue', () => {
      response.writeContinue();
      incoming.pipe(out);
    });
    out.flushHeaders();
  }
}

function relay(exchange: Exchange, answer: IncomingMessage, done: () => void): void {
  const { incoming, response, isClosing, expectsContinue } = exchange;
  const head = endToEnd(answer.rawHeaders, answer.headers.connection);
  if (isClosing()) head.push('connection', 'close');
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', head);
  if (!hasUnreadBody(incoming) || expectsContinue) {
    pipeline(answer, response, done);
    return;
  }
  // An answer that came before the body was read: what is left of the body is thrown away.
  answer.pipe(response, { end: false });
  finished(answer, () => {
    endWhenRead(response, () => response.end());
    done();
  });
}

const HOP_BY_HOP = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade'],
  ...['transfer-encoding', 'proxy-authenticate', 'proxy-authorization'],
]);

/** Names and values in turn, without those that belong to one connection. */
function endToEnd(raw: readonly string[], connection: string | undefined): string[] {
  const named = new Set(connection?.split(',').map((name) => name.trim().toLowerCase()));
  const kept: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const [name = '', value = ''] = raw.slice(at, at + 2);
    const lower = name.toLowerCase();
    if (!HOP_BY_HOP.has(lower) && !named.has(lower)) kept.push(name, value);
  }
  return kept;
}

/** We are the outermost: what callers say of whom they speak for is replaced by whom we saw. */
function headersOf({ incoming, expectsContinue }: Exchange): string[] {
  const replaced = ['x-forwarded-for', 'x-forwarded-proto', 'expect'];
  const kept = endToEnd(incoming.rawHeaders, incoming.headers.connection);
  const head = kept.filter(
    (_, at) => !replaced.includes((kept[at - (at % 2)] ?? '').toLowerCase()),
  );
  const { remoteAddress = '' } = incoming.socket;
  head.push('x-forwarded-for', remoteAddress, 'x-forwarded-proto', 'http');
  if (incoming.headers['transfer-encoding'] !== undefined)
    head.push('transfer-encoding', 'chunked');
  if (expectsContinue) head.push('expect', '100-continue');
  return head;
}

function refuse({ incoming, response, isClosing }: Exchange): void {
  if (response.headersSent || response.destroyed) return;
  const { accept, 'x-request-id': given } = incoming.headers;
  const requestId = typeof given === 'string' ? given : `req_${randomUUID()}`;
  const reply = errorReply(new Refusal('SERVICE_UNAVAILABLE'), requestId, accept);
  const onBroken = () => response.destroy();
  send(response, reply, { requestId, close: isClosing(), onBroken });
}
