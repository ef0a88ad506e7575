/**
 * One HTTP server for a list of routes. Every route is an Express route; a hot one is also answered
 * on the server before Express, by the same pipeline and the same handler, because the framework
 * would be most of its cost.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import express, { type Express, type Request, type Response } from 'express';
import type { Log } from '../../infra/logger.js';
import type { Metrics } from '../../infra/metrics.js';
import type { Authenticator } from './auth.js';
import { refuseMalformed } from './client-error.js';
import { endpointOf, literalFirst, type Endpoint } from './endpoint.js';
import { hotRoutes, type HotRoutes } from './hot-routes.js';
import { openPipeline, type Pipeline } from './pipeline.js';
import { announcesTooMuch } from './read-body.js';
import type { Mount, Route } from './route.js';

interface ServeOptions {
  readonly routes: readonly Route[];
  readonly mounts: readonly Mount[];
  readonly authenticator: Authenticator;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'httpSeconds'>;
  readonly now: () => number;
  /** 0 picks a free one. */
  readonly port: number;
  /** Every interface unless given. */
  readonly host?: string;
  /** `false` sends hot routes through Express too, to compare the two ways. */
  readonly shortCut?: boolean;
}

export interface HttpServer {
  readonly port: number;
  /** Stops accepting, finishes what is in flight (≤ 10 s), then cuts what is left. */
  close(): Promise<void>;
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than a balancer's usual minute of idle time, so that it is never we who hang up. */
const KEEP_ALIVE_MS = 65_000;
const HEADER_BYTES_MAX = 16 * 1024;
const CONNECTIONS_MAX = 10_000;
const DRAIN_MS = 10_000;
const SWEEP_MS = 50;

/** Rejects with the system's error when the port cannot be had. */
export async function serveRoutes(options: ServeOptions): Promise<HttpServer> {
  let closing = false;
  const { authenticator, log, metrics, now } = options;
  const isClosing = () => closing;
  const pipeline = openPipeline({ authenticator, log, metrics, now, isClosing });
  const endpoints = options.routes.map(endpointOf).sort(literalFirst);
  const app = expressApp(endpoints, options.mounts, pipeline);
  const hot = options.shortCut === false ? () => undefined : hotRoutes(endpoints);
  const server = boundedServer(handlerOf(hot, pipeline, app));
  const sockets = socketsOf(server);
  await listening(server, options);
  let closed: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      closing = true;
      return (closed ??= drained(server, sockets));
    },
  };
}

type Handler = (incoming: IncomingMessage, response: ServerResponse) => void;

function handlerOf(hot: HotRoutes, pipeline: Pipeline, app: Express): Handler {
  return (incoming, response) => {
    const match = hot(incoming.method ?? '', incoming.url ?? '');
    if (match) void pipeline.answer(match.endpoint, incoming, response, match.params);
    else app(incoming, response);
  };
}

function expressApp(
  endpoints: readonly Endpoint[],
  mounts: readonly Mount[],
  pipeline: Pipeline,
): Express {
  const app = express();
  app.set('env', 'production');
  app.set('query parser', false);
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  for (const mount of mounts)
    app.get(mount.path, (request, response) => pipeline.answer(mount, request, response, {}));
  const methods = new Map<string, string[]>();
  for (const endpoint of endpoints)
    for (const path of endpoint.paths) {
      const method = endpoint.route.method;
      methods.set(path, [...(methods.get(path) ?? []), method]);
      const answer = (request: Request, response: Response) =>
        pipeline.answer(endpoint, request, response, request.params as Record<string, string>);
      app[method.toLowerCase() as 'get'](expressPath(path), answer);
    }
  for (const [path, allow] of methods)
    app.all(expressPath(path), (request, response) =>
      pipeline.answerUnknown(request, response, allow),
    );
  app.use((request: Request, response: Response) => pipeline.answerUnknown(request, response, []));
  // Express itself refuses only paths that it cannot decode; such a path names nothing.
  app.use((_error: unknown, request: Request, response: Response, _next: unknown) =>
    pipeline.answerUnknown(request, response, []),
  );
  return app;
}

const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

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
  server.on('checkContinue', (incoming: IncomingMessage, response: ServerResponse) => {
    if (!announcesTooMuch(incoming)) response.writeContinue();
    handle(incoming, response);
  });
  server.on('clientError', refuseMalformed);
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
 * answered is idle only in the next turn: hence the sweep, also over those that never said a word.
 */
async function drained(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const hangUp = () => {
    server.closeIdleConnections();
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  };
  hangUp();
  const sweep = setInterval(hangUp, SWEEP_MS);
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearInterval(sweep);
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
