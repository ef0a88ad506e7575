/**
 * One HTTP exchange on a guarded connection, told to a sink step by step.
 *
 *   waiting ──► opening ──► started ──► answered ──► over
 *      │           │           │            │
 *      └───────────┴───────────┴────────────┴──► over, by failure, deadline, abort or stop
 *
 * waiting: its host's lane is full. opening: the connection is being made. started: bytes may have
 * left us, so from here on a failure says `mayHaveStarted`. The deadline counts from the beginning
 * and covers everything, however slowly the other side trickles.
 */

import { setMaxListeners } from 'node:events';
import { errors } from 'undici';
import type { Dispatcher } from 'undici';
import type { Connections, Lease } from './connections.js';
import { REFUSED, UNRESOLVED } from './connector.js';
import type { Failed, FailureReason, Headers, Method, Refused } from './outbound.js';

export interface ExchangeRequest {
  readonly method: Method;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Buffer | string | null;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Exactly one of `end`, `broken` and `crashed` is called, last and once; none after `stop`. */
export interface ExchangeSink {
  head(status: number, headers: Headers): void;
  data(chunk: Buffer): void;
  end(): void;
  /** The exchange went wrong in a way that the world can go wrong. */
  broken(how: Refused | Failed): void;
  /** The exchange went wrong in a way that nobody has thought of: a bug. */
  crashed(error: Error): void;
}

export interface Exchange {
  pause(): void;
  resume(): void;
  /** Closes the connection; the sink hears nothing more. */
  stop(): void;
}

export function startExchange(
  connections: Connections,
  request: ExchangeRequest,
  sink: ExchangeSink,
): Exchange {
  const { url, signal } = request;
  let lease: Lease | undefined;
  let controller: Dispatcher.DispatchController | undefined;
  let isOver = false;

  const finish = (isWhole: boolean): void => {
    isOver = true;
    clearTimeout(deadline);
    signal?.removeEventListener('abort', onAbort);
    if (lease) lease.release(isWhole);
    else leaveQueue?.();
  };
  const stop = (): void => {
    if (!isOver) finish(false);
  };
  const fail = (reason: FailureReason): void => {
    if (isOver) return;
    finish(false);
    sink.broken({ kind: 'failed', reason, mayHaveStarted: controller !== undefined });
  };
  const onAbort = (): void => fail('aborted');
  const deadline = setTimeout(() => fail('timeout'), request.timeoutMs);
  if (signal) listenTo(signal, onAbort);

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(given) {
      controller = given;
    },
    onResponseStart(_, status, headers) {
      if (!isOver && status >= 200) sink.head(status, flatHeaders(headers));
    },
    onResponseData(_, chunk) {
      if (!isOver) sink.data(chunk);
    },
    onResponseEnd() {
      if (isOver) return;
      finish(true);
      sink.end();
    },
    onResponseError(_, error) {
      if (isOver) return;
      finish(false);
      const how = outcomeOf(error, controller !== undefined);
      if (how) sink.broken(how);
      else sink.crashed(error);
    },
  };
  const leaveQueue: (() => void) | undefined = connections.lease(url.origin, (given) => {
    if (isOver) {
      given.release(false);
      return;
    }
    lease = given;
    given.client.dispatch(dispatchOptions(request), handler);
  });

  return {
    stop,
    pause: () => controller?.pause(),
    resume() {
      if (!isOver) controller?.resume();
    },
  };
}

/** One signal may end hundreds of exchanges: listeners are no leak, for each removes its own. */
function listenTo(signal: AbortSignal, onAbort: () => void): void {
  setMaxListeners(0, signal);
  signal.addEventListener('abort', onAbort, { once: true });
}

function dispatchOptions(request: ExchangeRequest): Dispatcher.DispatchOptions {
  return {
    path: request.url.pathname + request.url.search,
    method: request.method,
    headers: request.headers,
    body: request.body,
  };
}

function flatHeaders(headers: Record<string, string | string[] | undefined>): Headers {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return flat;
}

/** Undefined for an error that is nothing the network or the other side could cause. */
function outcomeOf(error: Error, mayHaveStarted: boolean): Refused | Failed | undefined {
  const code =
    error instanceof errors.HTTPParserError ? 'HPE' : (error as NodeJS.ErrnoException).code;
  if (code === REFUSED) return { kind: 'refused', reason: error.message };
  if (code === 'UND_ERR_INVALID_ARG') {
    return { kind: 'refused', reason: `The request cannot be sent: ${error.message}.` };
  }
  const reason = code === undefined ? undefined : failureReason(code, mayHaveStarted);
  return reason && { kind: 'failed', reason, mayHaveStarted };
}

const resetCodes = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET'];
/** Codes of OpenSSL, of certificate verification and of node:tls. */
const tlsCode = new RegExp(
  '^(ERR_SSL_|ERR_TLS_|EPROTO$|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_' +
    '|PATH_LENGTH_|HOSTNAME_MISMATCH|ERROR_IN_CERT)',
);

function failureReason(code: string, mayHaveStarted: boolean): FailureReason | undefined {
  if (code === UNRESOLVED) return 'dns';
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return 'aborted';
  if (tlsCode.test(code)) return 'tls';
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return 'connect';
  if (resetCodes.includes(code)) return mayHaveStarted ? 'reset' : 'connect';
  if (code === 'HPE' || code.startsWith('UND_ERR_')) return 'protocol';
  return /^E[A-Z0-9]+$/.test(code) ? 'connect' : undefined;
}
