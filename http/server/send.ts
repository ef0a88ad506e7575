/** Writes a reply: one head with its length, one body, one system call where the body is text. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { finished, pipeline } from 'node:stream';
import type { Reply } from './route.js';

interface Sending {
  readonly requestId: string;
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
  response.writeHead(reply.status, headOf(reply, text, sending));
  response.end(text);
}

const DRAIN_BYTES_MAX = 8 * 1024 * 1024;
const DRAIN_MS = 2_000;

/**
 * Answers a request whose body is not wanted. The answer goes out at once, but the connection is
 * closed only when the rest of the body has been thrown away (in bounds): a socket that is closed
 * with unread bytes is reset, and the caller would never see why. Who asked for leave to send the
 * body was not given it, and sends none.
 */
export function sendAndDrain(
  incoming: IncomingMessage,
  response: ServerResponse,
  reply: Reply,
  sending: Sending,
): void {
  const text = JSON.stringify(reply.body);
  response.writeHead(reply.status, headOf(reply, text, { ...sending, close: true }));
  if (incoming.headers.expect !== undefined) {
    response.end(text);
    return;
  }
  response.write(text);
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, DRAIN_MS);
  let bytes = 0;
  incoming.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > DRAIN_BYTES_MAX) end();
  });
  finished(incoming, end);
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
  if (sending.close) head.push('connection', 'close');
  for (const name in reply.headers)
    if (name !== 'cache-control') head.push(name, reply.headers[name] ?? '');
  return head;
}

function sendStream(response: ServerResponse, reply: Reply, sending: Sending): void {
  const { stream } = reply;
  if (!stream) return;
  response.writeHead(reply.status, headOf(reply, undefined, sending));
  if (response.req.method === 'HEAD') {
    stream.destroy();
    response.end();
    return;
  }
  pipeline(stream, response, (error) => {
    if (error && !isHangUp(error)) sending.onBroken(error);
  });
}

/** The caller went away before the end; nobody's fault. */
const isHangUp = (error: NodeJS.ErrnoException): boolean =>
  error.code === 'ERR_STREAM_PREMATURE_CLOSE' || error.code === 'ECONNRESET';
