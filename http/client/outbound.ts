/**
 * The one guarded HTTP client for places that somebody else chose: webhooks, callbacks and the
 * downloads of outputs. Whoever can name a URL must not be able to reach our network with it, nor
 * to hold our memory, sockets or time.
 *
 * Promises, for every call: the URL and the address are vetted (vet-url.ts, connector.ts); nothing
 * is followed, a redirect is an answer; nothing is decompressed; `timeoutMs` is the deadline of the
 * whole call; an answer has at most 16 KiB of headers and the body bytes asked for; a host gets a
 * bounded number of connections. Outcomes are values; only a bug rejects.
 */

import type { Readable } from 'node:stream';
import type { AllowedNetworks } from './addresses.js';
import { collect } from './collect.js';
import { openConnections } from './connections.js';
import { guardedConnector } from './connector.js';
import type { ExchangeRequest } from './exchange.js';
import { receive } from './receive.js';
import { openResolver } from './resolve-host.js';
import type { ResolveHost } from './resolve-host.js';
import { vetUrl } from './vet-url.js';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Names in lower case; a repeated header is one value joined by ", ". */
export type Headers = Readonly<Record<string, string>>;

/**
 * timeout: the deadline passed. connect: no connection. dns: no address. reset: the connection
 * broke. tls: no trust. protocol: not HTTP as we accept it. too_large: a download beyond its cap.
 * aborted: the caller's signal, or the client was closed.
 */
export type FailureReason =
  'timeout' | 'connect' | 'dns' | 'reset' | 'tls' | 'protocol' | 'too_large' | 'aborted';

/** Policy forbids it, and will again: trying once more is of no use. */
export interface Refused {
  readonly kind: 'refused';
  readonly reason: string;
}

/** `mayHaveStarted` is false only when not one byte of the request can have left. */
export interface Failed {
  readonly kind: 'failed';
  readonly reason: FailureReason;
  readonly mayHaveStarted: boolean;
}

/** `body` is as it came, encodings included, and cut at `responseBytesMax` when `truncated`. */
export interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly truncated: boolean;
  readonly latencyMs: number;
}

/**
 * The head has arrived and the body follows; whoever takes it must read or destroy it. It errors
 * with a `DownloadCut` when it ends badly, never with fewer bytes than were sent.
 */
export interface Streamed {
  readonly kind: 'stream';
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: Readable;
}

export type OutboundResult = Answered | Refused | Failed;
export type DownloadResult = Streamed | Refused | Failed;

export interface OutboundRequest {
  readonly method: Method;
  readonly url: string;
  readonly headers?: Headers;
  readonly body?: Buffer | string;
  readonly timeoutMs: number;
  readonly responseBytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

export interface DownloadRequest {
  readonly url: string;
  readonly timeoutMs: number;
  readonly bytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Outbound {
  request(request: OutboundRequest): Promise<OutboundResult>;
  download(request: DownloadRequest): Promise<DownloadResult>;
  /** Ends every call in flight as `aborted`. */
  close(): Promise<void>;
}

export interface OutboundOptions {
  readonly allowedNetworks: AllowedNetworks;
  readonly connectionsPerHostMax?: number;
  readonly connectTimeoutMs?: number;
  readonly resolveHost?: ResolveHost;
}

const CONNECTIONS_PER_HOST_MAX = 64;
const CONNECT_TIMEOUT_MS = 5_000;
const HEADER_BYTES_MAX = 16 * 1024;
/** An idle connection outlives its address check by no more than this. */
const KEEP_ALIVE_MAX_MS = 30_000;
const KEEP_ALIVE_MS = 4_000;

export function openOutbound(options: OutboundOptions): Outbound {
  const { allowedNetworks: networks } = options;
  const { connectionsPerHostMax = CONNECTIONS_PER_HOST_MAX } = options;
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS, resolveHost = openResolver() } = options;
  const connections = openConnections(connectionsPerHostMax, {
    connect: guardedConnector({ networks, resolveHost, connectTimeoutMs }),
    pipelining: 1,
    maxHeaderSize: HEADER_BYTES_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
    // These bound each silence; the deadline of the exchange bounds all of it together.
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  return {
    async request(request) {
      const prepared = prepare(request, networks);
      if (prepared.kind !== 'prepared') return prepared;
      return collect(connections, prepared.exchange, request.responseBytesMax);
    },
    async download({ bytesMax, ...request }) {
      const prepared = prepare({ ...request, method: 'GET' }, networks);
      if (prepared.kind !== 'prepared') return prepared;
      return receive(connections, prepared.exchange, bytesMax);
    },
    close: () => connections.close(),
  };
}

type Prepared = { readonly kind: 'prepared'; readonly exchange: ExchangeRequest };

/** Headers that decide where a request goes or how it is framed; nobody may choose them. */
const ownHeaders: readonly string[] = [
  ...['accept-encoding', 'connection', 'content-length', 'expect', 'host', 'keep-alive'],
  ...['proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
];

function prepare(
  request: Omit<OutboundRequest, 'responseBytesMax'>,
  networks: AllowedNetworks,
): Prepared | Refused | Failed {
  const vetted = vetUrl(request.url, networks);
  if (!vetted.ok) return { kind: 'refused', reason: vetted.reason };
  const taken = Object.keys(request.headers ?? {}).find((name) =>
    ownHeaders.includes(name.toLowerCase()),
  );
  if (taken) return { kind: 'refused', reason: `The header "${taken}" may not be set.` };
  if (request.signal?.aborted) return { kind: 'failed', reason: 'aborted', mayHaveStarted: false };
  const { method, timeoutMs, signal, body = null } = request;
  const headers = { ...request.headers, 'accept-encoding': 'identity' };
  const exchange = { method, url: vetted.url, headers, body, timeoutMs, signal };
  return { kind: 'prepared', exchange };
}
