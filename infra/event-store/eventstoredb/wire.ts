/**
 * The connection to one node: gRPC over the HTTP/2 of Node, as much of it as the protocol of the
 * store needs (ADR 67). What to do when a call fails is not decided here.
 *
 *   first call ──► connects ──► calls ──the connection ends──► they end as unavailable
 *                     ▲                                             │
 *                     └──────────────── the next call ◄─────────────┘
 */
import { connect, type ClientHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { CallError } from './call-error.js';
import { nameOf, type Endpoint } from './connection-string.js';
import { startCall, type CallHandlers, type WireCall } from './wire-call.js';
import type { WireOptions } from './wire-options.js';

export interface Wire {
  /** Throws a `CallError` when no call can be made; a node that is away ends it as unavailable. */
  call<T>(path: string, on: CallHandlers<T>, leads?: 'leader only'): WireCall;
  /** Its calls end as cancelled. */
  end(): Promise<void>;
}

/** So much of a stream's answer may be under way; pages and subscriptions are many messages. */
const WINDOW_BYTES = 1024 * 1024;

/** So long the calls of a connection go on that takes no more of them. A server ends sooner. */
const DRAINED_AFTER_MS = 10_000;

export function openWire(at: Endpoint, options: WireOptions): Wire {
  const headers = {
    ':method': 'POST',
    ':authority': nameOf({ address: at.name ?? at.address, port: at.port }),
    te: 'trailers',
    'content-type': 'application/grpc',
    'user-agent': 'modelroute',
    ...options.headers,
  };
  const ofTheLeader = { ...headers, 'requires-leader': 'true' };
  const calls = new Set<WireCall>();
  const connections = new Set<Connection>();
  let connection: Connection | undefined;
  let isEnded = false;

  /** One that ended, or takes no more calls as the node ends, is followed by another. */
  function present(): Connection {
    if (connection && !connection.session.closed && !connection.session.destroyed)
      return connection;
    const opened = (connection = openConnection(at, options));
    connections.add(opened);
    opened.session.once('close', () => connections.delete(opened));
    return opened;
  }

  return {
    call(path, on, leads) {
      if (isEnded) throw new CallError('CANCELLED', 'the connection was ended');
      const { session, lost } = present();
      const stream = session.request({ ...(leads ? ofTheLeader : headers), ':path': path });
      const ended: typeof on.ended = (error) => {
        calls.delete(call);
        on.ended(error);
      };
      const call = startCall(stream, { ...on, ended }, lost);
      calls.add(call);
      return call;
    },
    async end() {
      isEnded = true;
      for (const call of calls) call.fail(new CallError('CANCELLED', 'the connection was ended'));
      await Promise.all([...connections].map(endOf));
    },
  };
}

interface Connection {
  readonly session: ClientHttp2Session;
  /** Why it ended; undefined while it holds. */
  readonly lost: () => Error | undefined;
  /** At once. A session that takes no more calls would wait for the server to end it. */
  readonly cut: () => void;
}

async function endOf({ session, cut }: Connection): Promise<void> {
  const closed = new Promise<void>((resolve) => session.once('close', resolve));
  cut();
  await closed;
}

function openConnection(
  at: Endpoint,
  { tls, keepAliveMs, keepAliveTimeoutMs }: WireOptions,
): Connection {
  let failure: Error | undefined;
  let socket: Socket | undefined;
  const session = connect(`${tls ? 'https' : 'http'}://${nameOf(at)}`, {
    ...tls,
    ...(tls && at.name !== undefined && { servername: at.name }),
    settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
    // What may wait is bounded by who calls.
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
  });
  session.on('error', (error: Error) => (failure ??= error));
  session.once('connect', (_session, connected) => {
    socket = connected;
    if (!session.destroyed) session.setLocalWindowSize(WINDOW_BYTES);
  });
  const cut = () => {
    session.destroy();
    socket?.destroy();
  };
  session.once('goaway', (code: number) => {
    if (code !== 0) failure ??= new Error(`the server closed the connection (HTTP/2 code ${code})`);
    const drained = setTimeout(cut, DRAINED_AFTER_MS).unref();
    session.once('close', () => clearTimeout(drained));
  });
  const silent = () => {
    failure ??= new Error('the connection did not answer a ping');
    cut();
  };
  if (keepAliveMs !== undefined) keepAlive(session, keepAliveMs, keepAliveTimeoutMs, silent);
  const lost = () => {
    if (!session.closed && !session.destroyed) return undefined;
    return failure ?? new Error('the connection was closed');
  };
  return { session, lost, cut };
}

function keepAlive(
  session: ClientHttp2Session,
  everyMs: number,
  timeoutMs: number,
  silent: () => void,
): void {
  const beat = setInterval(() => {
    if (session.destroyed) return;
    const late = setTimeout(silent, timeoutMs);
    if (!session.ping(() => clearTimeout(late))) clearTimeout(late);
  }, everyMs);
  beat.unref();
  session.once('close', () => clearInterval(beat));
}
