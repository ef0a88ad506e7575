/**
 * The one guarded HTTP client for places that somebody else chose: webhooks, callbacks and the
 * downloads of outputs. Whoever can name a URL must not be able to reach our network with it, nor
 * to hold our memory, sockets or time.
 *
 * Promises, for every call: the URL and the address are vetted (vet-url.ts, connector.ts); nothing
 * is followed, a redirect is an answer; nothing is decompressed (see unpack.ts); `timeoutMs` is the
 * deadline of the whole call; an answer has at most 16 KiB of headers, and a download the body
 * bytes asked for; a host gets a bounded number of connections. Outcomes are values; only a bug
 * rejects.
 */

import type { IncomingHttpHeaders } from 'node:http';
import type { AllowedNetworks } from './addresses.js';
import { openConnections } from './connections.js';
import { guardedConnector, trustedConnector } from './connector.js';
import type { FailureReason, Refused } from './ended.js';
import type { ExchangeRequest, Method } from './exchange.js';
import { readHead } from './read-head.js';
import { receive } from './receive.js';
import type { Streamed } from './receive.js';
import { openResolver } from './resolve-host.js';
import type { ResolveHost } from './system-lookup.js';
import { isPrivateName, openVetting, vetUrl, type VettedUrl } from './vet-url.js';

/** Names in lower case; a repeated header is one value joined by ", ". */
type Headers = Readonly<Record<string, string>>;

/** As in ended.ts, without the detail: a tenant may read all of it. */
interface GuardedFailed {
  readonly kind: 'failed';
  readonly reason: FailureReason;
  readonly mayHaveStarted: boolean;
}

/** The status line decides: the body is not waited for. */
export interface GuardedAnswered {
  readonly kind: 'answered';
  readonly status: number;
  readonly headers: Headers;
  /** The first bytes of the body, where they were asked for and came with the head. */
  readonly excerpt?: Buffer;
}

export type OutboundResult = GuardedAnswered | Refused | GuardedFailed;
export type DownloadResult = Streamed | Refused | GuardedFailed;

export interface OutboundRequest {
  readonly method: Method;
  readonly url: string;
  readonly headers?: Headers;
  readonly body?: Buffer | string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** None unless it is said. */
  readonly excerptBytesMax?: number;
}

export interface DownloadRequest {
  readonly url: string;
  readonly timeoutMs: number;
  readonly bytesMax: number;
  /** 5 s unless it is said: until the head, and then for each KB at least. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** A place that the operator configured, as scheme, host and port: it may be called as it is. */
  readonly configuredOrigin?: string | undefined;
  /** 2,048 unless it is said. */
  readonly urlLengthMax?: number | undefined;
}

export interface Outbound {
  request(request: OutboundRequest): Promise<OutboundResult>;
  download(request: DownloadRequest): Promise<DownloadResult>;
  /** Ends every call in flight as `aborted`. */
  close(): Promise<void>;
}

export interface OutboundOptions {
  readonly allowedNetworks: AllowedNetworks;
  /** Places of ours that may be called wherever they are: each by its scheme, host and port. */
  readonly allowedOrigins?: readonly string[];
  readonly connectionsPerHostMax?: number;
  readonly connectTimeoutMs?: number;
  readonly resolveHost?: ResolveHost;
}

const CONNECTIONS_PER_HOST_MAX = 64;
const CONNECT_TIMEOUT_MS = 5_000;
/** A server that hangs, or sends less than this, is asked again later rather than waited for. */
const PATIENCE_MS = 5_000;
const PATIENCE_BYTES = 1024;
const HEADER_BYTES_MAX = 16 * 1024;
/**
 * An idle connection outlives its address check by no more than this, whatever the server promises,
 * and no request meets one that fell silent long ago.
 */
const KEEP_ALIVE_MS = 4_000;

export function openOutbound(options: OutboundOptions): Outbound {
  const { allowedNetworks: networks, allowedOrigins: origins = [] } = options;
  const { connectionsPerHostMax = CONNECTIONS_PER_HOST_MAX } = options;
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS, resolveHost = openResolver(isPrivateName) } =
    options;
  const settings = {
    pipelining: 1,
    maxHeaderSize: HEADER_BYTES_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    // These bound each silence; the deadline of the exchange bounds all of it together.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  const vetAgain = openVetting(networks, origins);
  const connections = openConnections(connectionsPerHostMax, {
    connect: guardedConnector({ networks, origins, resolveHost, connectTimeoutMs }),
    ...settings,
  });
  const configured = openConnections(connectionsPerHostMax, {
    connect: trustedConnector(connectTimeoutMs),
    ...settings,
  });

  return {
    async request(request) {
      const vetted = exchangeOf(request, vetAgain(request.url));
      if (vetted.kind === 'refused') return vetted;
      const { excerptBytesMax } = request;
      const source = connections.to(vetted.origin);
      const ended = await readHead(source, vetted.exchange, excerptBytesMax);
      if (ended.kind === 'failed') return withoutDetail(ended);
      return ended.kind === 'refused' ? ended : { ...ended, headers: flatHeaders(ended.headers) };
    },
    async download({ bytesMax, patienceMs = PATIENCE_MS, configuredOrigin: own, ...request }) {
      const fit = own === undefined ? origins : [...origins, own];
      const url = vetUrl(request.url, networks, fit, request.urlLengthMax);
      const vetted = exchangeOf({ ...request, method: 'GET' }, url);
      if (vetted.kind === 'refused') return vetted;
      const source = (vetted.origin === own ? configured : connections).to(vetted.origin);
      const limits = { bytesMax, patienceMs, bytesMin: PATIENCE_BYTES };
      const result = await receive(source, vetted.exchange, limits);
      return result.kind === 'failed' ? withoutDetail(result) : result;
    },
    close: async () => void (await Promise.all([connections.close(), configured.close()])),
  };
}

const withoutDetail = ({ kind, reason, mayHaveStarted }: GuardedFailed): GuardedFailed => ({
  kind,
  reason,
  mayHaveStarted,
});

function flatHeaders(headers: IncomingHttpHeaders): Headers {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return flat;
}

interface Vetted {
  readonly kind: 'vetted';
  readonly origin: string;
  readonly exchange: ExchangeRequest;
}

/** Headers that decide where a request goes or how it is framed; nobody may choose them. */
const ownHeaders: readonly string[] = [
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

function exchangeOf(request: OutboundRequest, vetted: VettedUrl): Vetted | Refused {
  if (!vetted.ok) return { kind: 'refused', reason: vetted.reason };
  const taken = Object.keys(request.headers ?? {}).find((name) =>
    ownHeaders.includes(name.toLowerCase()),
  );
  if (taken) return { kind: 'refused', reason: `The header "${taken}" may not be set.` };
  const { method, timeoutMs, signal, body = null } = request;
  const { origin, pathname, search } = vetted.url;
  const headers = { ...request.headers, 'accept-encoding': 'identity' };
  const exchange = { method, path: pathname + search, headers, body, timeoutMs, signal };
  return { kind: 'vetted', origin, exchange };
}
