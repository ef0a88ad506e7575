/**
 * One HTTP server for the API and its pages. A matcher in front answers every route of the API;
 * Express serves the pages, and refuses what nothing answers.
 */
import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Log } from '../../infra/logger.js';
import type { Metrics } from '../../infra/metrics.js';
import type { Networks } from '../../infra/networks/networks.js';
import type { Tracing } from '../../infra/tracing/port.js';
import type { Authenticator } from './auth.js';
import type { ByteBudget } from './byte-budget.js';
import { openClientErrors } from './client-error.js';
import { endpointOf, templatesOf, type Served } from './endpoint.js';
import { inTurn } from './in-turn.js';
import { openLateBodies, type LateBodies } from './late-bodies.js';
import { openMatcher, type Matcher } from './matcher.js';
import { pagesApp, type Pages } from './pages.js';
import { openPipeline, type Pipeline } from './pipeline.js';
import { hasUnreadBody } from './read-body.js';
import type { RateLimits } from './rate-limits.js';
import { openRefusalDelays, type RefusalDelays } from './refusal-delays.js';
import type { Mount, Route } from './route.js';
import { STREAM_MS_MAX } from './stream-body.js';

interface ServeOptions {
  readonly routes: readonly Route[];
  /** Routes of the same API that processes of other roles serve: their paths are known here. */
  readonly elsewhere?: readonly Route[];
  readonly mounts: readonly Mount[];
  readonly pages?: readonly Pages[];
  readonly authenticator: Authenticator;
  /** Without it, nobody is limited. */
  readonly rateLimits?: RateLimits;
  /** Without it, nothing is traced. */
  readonly tracing?: Tracing | undefined;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'delayedRefusals' | 'httpSeconds'>;
  readonly now: () => number;
  /** What requests and answers may keep in memory; that of a process unless given. */
  readonly budget?: ByteBudget;
  /** What refused requests may take; a burst and a share of a processor unless given. */
  readonly refusalDelays?: RefusalDelays;
  /** How long a body may take, or a streamed one may pause; half a minute unless given. */
  readonly bodyMs?: number;
  /** Whose `X-Forwarded-For` is believed; nobody's unless given. */
  readonly proxies?: Networks | undefined;
  /** 0 picks a free one. */
  readonly port: number;
  /** Every interface unless given. */
  readonly host?: string;
}

export interface HttpServer {
  readonly port: number;
  /** Stops accepting, finishes what is in flight (≤ 10 s), then cuts what is left. */
  close(): Promise<void>;
}

const HEADERS_TIMEOUT_MS = 10_000;
/** Longer than the longest stream of a body: that is refused first, in words. */
const REQUEST_TIMEOUT_MS = STREAM_MS_MAX + 60_000;
/** Longer than a balancer's usual minute of idle time, so that it is never we who hang up. */
const KEEP_ALIVE_MS = 65_000;
const HEADER_BYTES_MAX = 16 * 1024;
const CONNECTIONS_MAX = 10_000;
const DRAIN_MS = 10_000;
const HANG_UP_EVERY_MS = 50;

/** Rejects with the system's error when the port cannot be had. */
export async function serveRoutes(options: ServeOptions): Promise<HttpServer> {
  const ending = new AbortController();
  setMaxListeners(0, ending.signal); // as many as there are requests that wait
  const { authenticator, budget, log, metrics, now, proxies, rateLimits, tracing } = options;
  const lateBodies = openLateBodies(options.bodyMs);
  const { signal: closing } = ending;
  const { refusalDelays = openRefusalDelays() } = options;
  const limits = { lateBodies, rateLimits, refusalDelays, proxies };
  const served = { authenticator, budget, log, metrics, now, closing, tracing, ...limits };
  const pipeline = openPipeline(served);
  const pages = bounded(pagesApp(options.pages ?? [], { pipeline, metrics }), lateBodies);
  const server = boundedServer(inTurn(handlerOf(matcherOf(options), pipeline, pages)));
  server.on('clientError', openClientErrors(refusalDelays, proxies));
  const sockets = socketsOf(server);
  await listening(server, options);
  let closed: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      ending.abort();
      return (closed ??= drained(server, sockets).finally(() => lateBodies.close()));
    },
  };
}

/** Pages read no bodies. */
const bounded =
  (pages: Handler, lateBodies: LateBodies): Handler =>
  (incoming, response) => {
    if (hasUnreadBody(incoming)) {
      lateBodies.expect(incoming);
      incoming.once('close', () => lateBodies.forget(incoming));
    }
    pages(incoming, response);
  };

type Handler = (incoming: IncomingMessage, response: ServerResponse) => void;

function handlerOf(matcher: Matcher<Served>, pipeline: Pipeline, pages: Handler): Handler {
  return (incoming, response) => {
    const { method = '' } = incoming;
    const url = originFormOf(incoming);
    const match = matcher.find(method, url);
    if (match) {
      void pipeline.answer(match.target, incoming, response, match);
      return;
    }
    const allowed = matcher.allowed(url);
    // A method of this path that is not found here is a page's, or of processes of another role.
    if (allowed.length === 0 || allowed.includes(method)) pages(incoming, response);
    else void pipeline.answerUnmatched(incoming, response, allowed);
  };
}

/** RFC 9112: a server accepts `GET http://host/path` too, and means the same by it. */
function originFormOf(incoming: IncomingMessage): string {
  const { url = '/' } = incoming;
  if (url.startsWith('/') || !URL.canParse(url)) return url;
  const { pathname, search } = new URL(url);
  return (incoming.url = pathname + search);
}

function matcherOf({ routes, elsewhere = [], mounts, pages = [] }: ServeOptions): Matcher<Served> {
  const matcher = openMatcher<Served>();
  for (const mount of mounts) matcher.add('GET', mount.path, mount);
  for (const path of pages.flatMap(({ paths }) => paths)) matcher.addElsewhere('GET', path);
  for (const endpoint of routes.map(endpointOf))
    for (const template of templatesOf(endpoint.route))
      matcher.add(endpoint.route.method, template, endpoint);
  for (const route of elsewhere)
    for (const template of templatesOf(route)) matcher.addElsewhere(route.method, template);
  return matcher;
}

function boundedServer(handle: Handler): Server {
  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
    noDelay: true,
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on('request', handle);
  // Leave to send a body is given where it is read, so that a refusal comes before the body.
  server.on('checkContinue', handle);
  return server;
}

function listening(server: Server, { port, host }: ServeOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/**
 * Node closes a connection as idle only once it has carried a request, and one that has just been
 * answered is idle only in the next turn. So idle connections are closed again and again, and so
 * are those that have sent nothing.
 */
async function drained(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const hangUp = () => {
    server.closeIdleConnections();
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  };
  hangUp();
  const hangingUp = setInterval(hangUp, HANG_UP_EVERY_MS);
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearInterval(hangingUp);
  clearTimeout(cut);
}

function socketsOf(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}
