/**
 * One HTTP exchange, reported to a sink step by step.
 *
 *                  ┌───────────┐ reset unread on a kept connection, once
 *                  ▼           │
 *   waiting ──► opening ──► started ──► answered ──► over
 *      │           │           │            │
 *      └───────────┴───────────┴────────────┴──► over, by failure, deadline, abort or stop
 *
 * waiting: all connections are in use. opening: the connection is being made. started: bytes may
 * have left us, so from here on a failure has `mayHaveStarted`. The deadline counts from the
 * beginning and covers everything, however slowly the other side trickles. Nothing is followed or
 * decompressed. Nothing is sent a second time, except for what a kept connection did not take: it
 * was reset before a byte of the answer, which a server's system does where it closes a connection
 * with a request that nobody has read whole (RFC 9293, 3.10.7; ADR 32). Then a new one is opened.
 */

import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { errors } from 'undici';
import type { Dispatcher } from 'undici';
import { addAbortEntry, removeAbortEntry } from './abort-list.js';
import type { AbortEntry } from './abort-list.js';
import { REFUSED, UNRESOLVED } from './connector.js';
import type { Failed, FailureReason, Refused } from './ended.js';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface ExchangeRequest {
  readonly method: Method;
  /** With the query. */
  readonly path: string;
  /** By name, or names and values in turn. */
  readonly headers: Readonly<Record<string, string>> | string[];
  /** A stream is destroyed where it is not sent whole. */
  readonly body: Buffer | string | Readable | null;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Where the connections of one origin come from. */
export interface ConnectionSource {
  /**
   * Runs `start` once, now or when its turn has come, unless the returned function is called
   * before. Whoever is started must release the lease, once. A fresh connection has served nobody.
   */
  lease(start: (lease: Lease) => void, isFresh?: boolean): () => void;
}

export interface Lease {
  readonly dispatcher: Dispatcher;
  /** It has served an earlier call. */
  readonly isReused: boolean;
  /** After it ended without a byte of answer: whether nobody can have read the request whole. */
  isUntaken(isReset: boolean): boolean;
  /** `keep` only after a whole answer; otherwise the connection is closed. */
  release(keep: boolean): void;
}

/** Exactly one of `end`, `broken` and `crashed` is called, last and once; none after `stop`. */
export interface ExchangeSink {
  head(status: number, headers: IncomingHttpHeaders): void;
  data(chunk: Buffer): void;
  end(): void;
  /** The exchange went wrong, in whatever way a network, a peer or its certificate can. */
  broken(how: Refused | Failed): void;
  /** The sink itself threw: a bug of ours. */
  crashed(error: Error): void;
}

export interface Exchange {
  pause(): void;
  resume(): void;
  /** Closes the connection; the sink is not called again. */
  stop(): void;
}

export const startExchange = (
  source: ConnectionSource,
  request: ExchangeRequest,
  sink: ExchangeSink,
): Exchange => new RunningExchange(source, request, sink);

/** An object and no closures: it is made for every call of a provider. */
class RunningExchange implements Exchange, Dispatcher.DispatchHandler {
  private isOver = false;
  private lease: Lease | undefined;
  private leaveQueue: (() => void) | undefined;
  private controller: Dispatcher.DispatchController | undefined;
  private deadline: NodeJS.Timeout | undefined;
  private abortEntry: AbortEntry | undefined;
  private isAskedAgain = false;

  constructor(
    private readonly source: ConnectionSource,
    private readonly request: ExchangeRequest,
    private readonly sink: ExchangeSink,
  ) {
    const { signal, timeoutMs } = request;
    if (signal?.aborted) {
      this.fail('aborted', 'called off');
      return;
    }
    this.deadline = setTimeout(timeOut, timeoutMs, this);
    if (signal) this.abortEntry = addAbortEntry(signal, () => this.fail('aborted', 'called off'));
    this.leaveQueue = source.lease((lease) => this.begin(lease));
  }

  stop(): void {
    if (!this.isOver) this.finish(false);
  }

  pause(): void {
    this.controller?.pause();
  }

  resume(): void {
    if (!this.isOver) this.controller?.resume();
  }

  fail(reason: FailureReason, detail: string): void {
    if (this.isOver) return;
    this.finish(false);
    this.sink.broken({ kind: 'failed', reason, mayHaveStarted: this.hasStarted, detail });
  }

  get timeoutMs(): number {
    return this.request.timeoutMs;
  }

  /** Called when a connection is there, right before the first byte is written. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.isOver) controller.abort(new Error('the exchange is over'));
    else this.controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (this.isOver || status < 200) return;
    try {
      this.sink.head(status, headers);
    } catch (error) {
      this.crash(error);
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.isOver) return;
    try {
      this.sink.data(chunk);
    } catch (error) {
      this.crash(error);
    }
  }

  onResponseEnd(): void {
    if (this.isOver) return;
    this.finish(true);
    this.sink.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.isOver) return;
    const isTaken = this.hasStarted && !this.isUntaken(error);
    if (this.hasStarted && !isTaken && this.mayAskAgain) return this.askAgain();
    this.finish(false);
    this.sink.broken(endOf(error, isTaken));
  }

  private isUntaken(error: Error): boolean {
    const code = codeOf(error);
    const isReset = resetAtOnce.includes(code);
    if (!isReset && code !== 'UND_ERR_SOCKET') return false;
    return this.lease?.isUntaken(isReset) ?? false;
  }

  private get mayAskAgain(): boolean {
    return this.lease?.isReused === true && !this.isAskedAgain && !isStream(this.request.body);
  }

  private askAgain(): void {
    const { lease } = this;
    this.isAskedAgain = true;
    this.lease = undefined;
    this.controller = undefined;
    lease?.release(false);
    this.leaveQueue = this.source.lease((fresh) => this.begin(fresh), true);
  }

  private get hasStarted(): boolean {
    return this.controller !== undefined;
  }

  private begin(lease: Lease): void {
    if (this.isOver) {
      lease.release(false);
      return;
    }
    this.lease = lease;
    const { method, path, headers, body } = this.request;
    try {
      lease.dispatcher.dispatch({ method, path, headers, body }, this);
    } catch (error) {
      this.crash(error);
    }
  }

  private crash(error: unknown): void {
    if (this.isOver) return;
    this.finish(false);
    const thrown = error instanceof Error ? error : new Error('no error was thrown');
    this.sink.crashed(thrown);
  }

  private finish(isWhole: boolean): void {
    this.isOver = true;
    clearTimeout(this.deadline);
    if (this.abortEntry) removeAbortEntry(this.abortEntry);
    if (isStream(this.request.body)) this.request.body.destroy();
    if (!isWhole) this.controller?.abort(new Error('the exchange is over'));
    if (this.lease) this.lease.release(isWhole);
    else this.leaveQueue?.();
  }
}

const timeOut = (exchange: RunningExchange): void =>
  exchange.fail('timeout', `no end within ${exchange.timeoutMs} ms`);

const isStream = (body: ExchangeRequest['body']): body is Readable =>
  typeof body === 'object' && body !== null && !Buffer.isBuffer(body);

const codeOf = (error: Error): string => String((error as NodeJS.ErrnoException).code);

/** One that ends in order may have taken the request. */
const resetAtOnce = ['ECONNRESET', 'EPIPE'];

/** Every error has a meaning here, also one whose code is new to us, or that has none. */
function endOf(error: Error, mayHaveStarted: boolean): Refused | Failed {
  const { code: given, cause } = error as NodeJS.ErrnoException & {
    cause?: NodeJS.ErrnoException;
  };
  const code = error instanceof errors.HTTPParserError ? 'HPE' : String(given);
  if (code === REFUSED) return { kind: 'refused', reason: error.message };
  if (code === 'UND_ERR_INVALID_ARG') {
    return { kind: 'refused', reason: `The request cannot be sent: ${error.message}.` };
  }
  const reason = failureReason(code, mayHaveStarted);
  return { kind: 'failed', reason, mayHaveStarted, detail: wordOf(cause?.code ?? given) };
}

/** Codes are of a fixed vocabulary; what is none could quote the request. */
const wordOf = (code: string | undefined): string =>
  code !== undefined && /^[A-Za-z0-9_]{1,40}$/.test(code) ? code : 'connection error';

const resetCodes = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET'];
/** Codes of OpenSSL, of certificate verification (UNSPECIFIED is one) and of node:tls. */
const tlsCode = new RegExp(
  '^(ERR_SSL_|ERR_TLS_|EPROTO$|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_' +
    '|PATH_LENGTH_|HOSTNAME_MISMATCH|ERROR_IN_CERT|OUT_OF_MEM$|UNSPECIFIED$)',
);

function failureReason(code: string, mayHaveStarted: boolean): FailureReason {
  if (code === UNRESOLVED || code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'dns';
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return 'aborted';
  if (tlsCode.test(code)) return 'tls';
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return 'connect';
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'too_large';
  if (resetCodes.includes(code)) return mayHaveStarted ? 'reset' : 'connect';
  if (code === 'HPE' || code === 'ERR_ASSERTION' || code.startsWith('UND_ERR_')) return 'protocol';
  if (/^E[A-Z0-9]+$/.test(code)) return 'connect';
  return mayHaveStarted ? 'reset' : 'connect';
}
