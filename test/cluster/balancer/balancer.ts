/**
 * One door for all replicas: reads go to the query API, everything else to the command API.
 *
 * A caller's commands go to one replica of the command API as long as it lives, so that an account
 * has one writer and nobody's append meets another's; when it dies they move to the next.
 */
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Role } from '../../../infra/config/config.js';
import { refuseMalformed } from '../../../http/server/client-error.js';
import { STREAM_MS_MAX } from '../../../http/server/stream-body.js';
import type { Reply } from '../../../http/server/route.js';
import { send } from '../../../http/server/send.js';
import {
  fitnessNow,
  inOrder,
  openBackends,
  probe,
  type Backend,
  type Replica,
} from './backends.js';
import { forward } from './forward.js';
import { mergedMetrics } from './merged-metrics.js';

export interface Balancer {
  readonly port: number;
  /** Roles of which no replica is ready. */
  unready(): readonly Role[];
  /** Stops accepting, waits for what is in flight (bounded), then cuts what is left. */
  close(): Promise<void>;
}

interface BalancerOptions {
  /** 0 picks a free one. */
  readonly port: number;
  /** Of every role; only the two APIs are sent requests. */
  readonly replicas: readonly Replica[];
}

const HEADERS_TIMEOUT_MS = 10_000;
/** Replicas bound what they read; an upload may take as long as they say. */
const REQUEST_TIMEOUT_MS = STREAM_MS_MAX + 60_000;
const KEEP_ALIVE_MS = 65_000;
const HEADER_BYTES_MAX = 16 * 1024;
const DRAIN_MS = 4_000;

interface State {
  readonly backends: readonly Backend[];
  inFlight: number;
  closing: boolean;
}

/** Rejects with the system's error when the port cannot be had. */
export async function startBalancer({ port, replicas }: BalancerOptions): Promise<Balancer> {
  const state: State = { backends: openBackends(replicas), inFlight: 0, closing: false };
  const server = boundedServer();
  server.on('request', (incoming, response) => void answer(state, incoming, response, false));
  server.on('checkContinue', (incoming, response) => void answer(state, incoming, response, true));
  await listening(server, port);
  const stopped = new AbortController();
  // Every replica's probe hears of it, and there are more than ten.
  setMaxListeners(0, stopped.signal);
  const probing = probe(state.backends, stopped.signal);
  return {
    port: (server.address() as AddressInfo).port,
    unready: () => unreadyRoles(state),
    async close() {
      state.closing = true;
      const closed = new Promise((resolve) => server.close(resolve));
      const deadline = performance.now() + DRAIN_MS;
      while (state.inFlight > 0 && performance.now() < deadline) await sleep(10);
      server.closeAllConnections();
      await closed;
      stopped.abort();
      await probing;
      for (const { agent } of state.backends) agent.destroy();
    },
  };
}

function boundedServer(): Server {
  const server = createServer({
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
    noDelay: true,
  });
  server.on('clientError', refuseMalformed);
  return server;
}

async function answer(
  state: State,
  incoming: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
): Promise<void> {
  state.inFlight += 1;
  const isClosing = () => state.closing;
  try {
    const own = await ownPage(state, incoming);
    if (own) {
      const onBroken = () => response.destroy();
      send(response, own, { requestId: `req_${randomUUID()}`, close: isClosing(), onBroken });
      return;
    }
    const backends = backendsFor(state, incoming);
    await forward({ incoming, response, backends, expectsContinue, isClosing });
  } finally {
    state.inFlight -= 1;
  }
}

/** An operator's key is a key like any other: his commands have a favourite too. */
function backendsFor({ backends }: State, { method, headers }: IncomingMessage) {
  const ofRole = (role: Role) => backends.filter(({ replica }) => replica.role === role);
  return isRead(method)
    ? inOrder(ofRole('query-api'))
    : inOrder(ofRole('command-api'), headers.authorization ?? '');
}

const isRead = (method: string | undefined): boolean => method === 'GET' || method === 'HEAD';

/** The pages that a balancer answers for all of them. */
async function ownPage(state: State, incoming: IncomingMessage): Promise<Reply | undefined> {
  const { method, url, headers } = incoming;
  if (!isRead(method)) return undefined;
  const path = url?.split('?', 1)[0];
  if (path === '/healthz') return { status: 200, body: { status: 'alive' } };
  if (path === '/readyz') return readiness(state);
  if (path === '/metrics')
    return mergedMetrics(
      state.backends.map(({ replica }) => replica),
      headers.authorization,
    );
  return undefined;
}

function readiness(state: State): Reply {
  const failing: string[] = [...unreadyRoles(state), ...(state.closing ? ['stopping'] : [])];
  const replicas = Object.fromEntries(
    state.backends.map((backend) => [backend.replica.name, fitnessNow(backend)]),
  );
  if (failing.length === 0) return { status: 200, body: { status: 'ready', replicas } };
  const body = { status: 'unready', failing, replicas };
  return { status: 503, body, headers: { 'retry-after': '1' } };
}

function unreadyRoles({ backends }: State): readonly Role[] {
  const roles = new Set(backends.map(({ replica }) => replica.role));
  for (const backend of backends)
    if (fitnessNow(backend) === 'ready') roles.delete(backend.replica.role);
  return [...roles];
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
