/** What cannot even be parsed as a request is answered in the envelope too, then cut off. */
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errorCatalogue, type ErrorCode } from '../../contracts/error-codes.js';
import type { Networks } from '../../infra/networks/networks.js';
import { isNamed } from './accept.js';
import { peerAddress } from './client-address.js';
import { PROBLEM, problemOf } from './envelope.js';
import type { RefusalDelays } from './refusal-delays.js';

type Trouble = readonly [status: number, code: ErrorCode, message: string];

const troubles: Readonly<Record<string, Trouble>> = {
  HPE_HEADER_OVERFLOW: [413, 'PAYLOAD_TOO_LARGE', 'The request headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'INPUT_VALIDATION_ERROR', 'The request took too long to arrive.'],
};

const HEAD_BYTES_MAX = 16 * 1024;

const malformed: Trouble = [400, 'INPUT_VALIDATION_ERROR', 'The request is not valid HTTP.'];

type ClientError = (error: NodeJS.ErrnoException, socket: Duplex) => void;

/**
 * Of a server's connections: also this refusal waits where its sender is refused too much. What a
 * trusted proxy sends is of many senders, and is not malformed.
 */
export function openClientErrors(
  delays: RefusalDelays,
  proxies: Networks | undefined,
): ClientError {
  const waiting = new WeakSet<Duplex>();
  return (error, socket) => {
    // Each piece that still comes is an error of its own.
    if (waiting.has(socket)) return;
    const address = peerAddress(socket as Socket);
    const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
    const waitMs = isLate || proxies?.has(address) ? 0 : delays.ofConnection(address);
    if (waitMs === 0 || !socket.writable) return refuseMalformed(error, socket);
    waiting.add(socket);
    setTimeout(() => refuseMalformed(error, socket), waitMs);
  };
}

export function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Once an answer has begun, another head would become part of its body.
  const begun = (socket as { _httpMessage?: { headersSent: boolean } })._httpMessage?.headersSent;
  if (error.code === 'ECONNRESET' || !socket.writable || begun) {
    socket.destroy();
    return;
  }
  const [status, code, message] = troubles[error.code ?? ''] ?? malformed;
  const requestId = `req_${randomUUID()}`;
  const wantsProblem = asksForProblem((error as { rawPacket?: Buffer }).rawPacket);
  const common = { code, message, retryable: false, request_id: requestId };
  const title = errorCatalogue[code].message;
  const body = JSON.stringify(
    wantsProblem ? problemOf(common, { title, status, requestId }) : { error: common },
  );
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      `content-type: ${wantsProblem ? PROBLEM : 'application/json; charset=utf-8'}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n` +
      `x-request-id: ${requestId}\r\n` +
      `connection: close\r\n\r\n${body}`,
  );
}

/** Of what came, up to where it made no sense; no more than the head of a request may have. */
function asksForProblem(packet: Buffer | undefined): boolean {
  const head = packet?.subarray(0, HEAD_BYTES_MAX).toString('latin1') ?? '';
  return isNamed(/^accept:([^\r\n]*)/im.exec(head)?.[1], PROBLEM);
}
