/**
 * The connection to one node: gRPC over the HTTP/2 of Node, as much of it as the protocol of the
 * store needs (ADR 67). What to do when a call fails is not decided here.
 *
 *   first call ──► connects ──► calls ──the connection ends──► they end as unavailable
 *                     ▲                                             │
 *                     └──────────────── the next call ◄─────────────┘
 */
import { connect, type ClientHttp2Session } from 'node:http2';
import { CallError } from './call-error.js';
import type { Endpoint } from './connection-string.js';
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

export function openWire(at: Endpoint, options: WireOptions): Wire {
  const headers = {
    ':method': 'POST',
    te: 'trailers',
    'content-type': 'application/grpc',
    'user-agent': 'modelroute',
    ...options.headers,
  };
  const ofTheLeader = { ...headers, 'requires-leader': 'true' };
  const calls = new Set<WireCall>();
  let connection: Connection | undefined;
  let isEnded = false;

  return {
    call(path, on, leads) {
      if (isEnded) throw new CallError('CANCELLED', 'the connection was ended');
      const { session, lost } = (connection = presentOr(connection, at, options));
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
      const session = connection?.session;
      if (!session || session.destroyed) return;
      const closed = new Promise<void>((resolve) => session.once('close', resolve));
      session.destroy();
      await closed;
    },
  };
}

interface Connection {
  readonly session: ClientHttp2Session;
  /** Why it ended; undefined while it holds. */
  readonly lost: () => Error | undefined;
}

/** One that ended, or takes no more calls as the node ends, is followed by another. */
function presentOr(
  present: Connection | undefined,
  at: Endpoint,
  options: WireOptions,
): Connection {
  const isGone = !present || present.session.closed || present.session.destroyed;
  return isGone ? openConnection(at, options) : present;
}

function openConnection(
  { address, port }: Endpoint,
  { tls, keepAliveMs, keepAliveTimeoutMs }: WireOptions,
): Connection {
  let failure: Error | undefined;
  const session = connect(`${tls ? 'https' : 'http'}://${address}:${port}`, {
    ...tls,
    settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
    // What may wait is bounded by who calls.
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
  });
  session.on('error', (error: Error) => (failure ??= error));
  session.once('connect', () => {
    if (!session.destroyed) session.setLocalWindowSize(WINDOW_BYTES);
  });
  const silent = () => {
    failure ??= new Error('the connection did not answer a ping');
    session.destroy();
  };
  if (keepAliveMs !== undefined) keepAlive(session, keepAliveMs, keepAliveTimeoutMs, silent);
  const lost = () => {
    if (!session.closed && !session.destroyed) return undefined;
    return failure ?? new Error('the connection was closed');
  };
  return { session, lost };
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
