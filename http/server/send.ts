/**
 * Writes a reply: one head with its length, one body, one system call where the body is text.
 *
 * An answer to a request whose body has not been read to its end goes out at once, but it is ended
 * only when the rest of the body has been thrown away (in bounds): a socket that is closed with
 * unread bytes is reset, and a caller that writes all before it reads would never see the answer.
 * A reply that says `connection: close` itself ends the connection without that.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { finished, pipeline } from 'node:stream';
import { endOfCrumbs, isCrumbled } from './crumbs.js';
import { hasUnreadBody } from './read-body.js';
import type { Reply } from './route.js';

interface Sending {
  readonly requestId: string;
  /** Further headers, names and values in turn. */
  readonly headers?: readonly string[] | undefined;
  /** The connection ends with this answer, because the server is closing. */
  readonly close: boolean;
  /** Called when a body's stream broke; the caller has seen the head already. */
  readonly onBroken: (error: Error) => void;
}

export function send(response: ServerResponse, reply: Reply, sending: Sending): void {
  if (reply.stream) {
    sendStream(response, reply, sending);
    return;
  }
  const text = reply.raw ?? (reply.body === undefined ? undefined : JSON.stringify(reply.body));
  if (hasUnreadBody(response.req)) {
    sendBeforeRead(response, reply, text, sending);
    return;
  }
  response.writeHead(reply.status, headOf(reply, text, sending));
  response.end(text);
}

function sendBeforeRead(
  response: ServerResponse,
  reply: Reply,
  text: string | Buffer | undefined,
  sending: Sending,
): void {
  const { req: incoming } = response;
  const isCut = reply.headers?.['connection'] === 'close';
  const isLast = isCut || isAwaitingLeave(incoming);
  const close = !isCut && (sending.close || isLast || !isShort(incoming));
  response.writeHead(reply.status, headOf(reply, text, { ...sending, close }));
  if (isLast) {
    response.end(text);
    return;
  }
  if (text === undefined) response.flushHeaders();
  else response.write(text);
  endWhenRead(response, () => response.end());
}

/** So little of a body comes anyway, and its connection can be used again. */
const SHORT_BYTES = 1024 * 1024;
const DRAIN_BYTES_MAX = 256 * 1024 * 1024;
/** A request may take as long as this as a whole, so that the server's own deadline comes first. */
const DRAIN_MS = 30_000;

const isShort = ({ headers }: IncomingMessage): boolean =>
  Number(headers['content-length'] ?? Infinity) <= SHORT_BYTES;

/** Who asked for leave to send the body was not given it, and sends none. */
const isAwaitingLeave = ({ headers, readableFlowing }: IncomingMessage): boolean =>
  headers.expect !== undefined && readableFlowing === null;

/** Throws away what is left of the request's body; past the bounds its connection is cut. */
export function endWhenRead({ req: incoming }: ServerResponse, end: () => void): void {
  const cut = () => incoming.socket.destroy();
  const timer = setTimeout(cut, DRAIN_MS);
  let bytes = 0;
  let pieces = 0;
  incoming.on('data', (piece: Buffer) => {
    bytes += piece.length;
    pieces += 1;
    if (bytes > DRAIN_BYTES_MAX) cut();
    else if (isCrumbled(pieces, bytes)) void endOfCrumbs(incoming).then(cut);
  });
  incoming.resume();
  finished(incoming, () => {
    clearTimeout(timer);
    end();
  });
}

/** Names and values in turn: Node writes such a list as it is, without building a map of it. */
function headOf(reply: Reply, text: string | Buffer | undefined, sending: Sending): string[] {
  const head = [
    'x-request-id',
    sending.requestId,
    'x-content-type-options',
    'nosniff',
    'cache-control',
    reply.headers?.['cache-control'] ?? 'no-store',
  ];
  if (text !== undefined) {
    if (!reply.headers?.['content-type'])
      head.push('content-type', 'application/json; charset=utf-8');
    const bytes = typeof text === 'string' ? Buffer.byteLength(text) : text.length;
    head.push('content-length', String(bytes));
  }
  if (sending.headers) head.push(...sending.headers);
  if (sending.close) head.push('connection', 'close');
  for (const name in reply.headers)
    if (name !== 'cache-control') head.push(name, reply.headers[name] ?? '');
  return head;
}

/** A reader that takes nothing for so long has gone. */
const STALLED_MS = 60_000;

function sendStream(response: ServerResponse, reply: Reply, sending: Sending): void {
  const { stream } = reply;
  if (!stream) return;
  response.writeHead(reply.status, headOf(reply, undefined, sending));
  if (response.req.method === 'HEAD') {
    stream.destroy();
    response.end();
    return;
  }
  response.setTimeout(STALLED_MS, () => response.destroy());
  pipeline(stream, response, (error) => {
    if (error && !isHangUp(error)) sending.onBroken(error);
  });
}

/** The caller went away before the end; nobody's fault. */
const isHangUp = (error: NodeJS.ErrnoException): boolean =>
  error.code === 'ERR_STREAM_PREMATURE_CLOSE' || error.code === 'ECONNRESET';
