/**
 * A life of the Kafka client: the sockets and retries of one producer, consumer or admin. The
 * library lacks three properties, which it adds, with `idle-timers.ts`:
 *
 * - The end of a life closes its sockets and stops its retries, so that no send or commit waits
 *   longer than its caller.
 * - A connection on which a request was not answered in time is closed. The library would ask again
 *   on the same one for ever, though the broker cannot be heard on it.
 * - An idle connection does not wake up each millisecond.
 */
import { connect, isIP, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { Kafka, logLevel, type logCreator, type RetryOptions, type SASLOptions } from 'kafkajs';
import type { Log } from '../../logger.js';
import { quietenIdleTimers } from './idle-timers.js';

export interface LifeOptions {
  readonly brokers: readonly string[];
  /** Names this process in the broker's logs and quotas. */
  readonly clientId: string;
  readonly log: Log;
  /** Certificates are those that Node trusts. */
  readonly tls?: boolean;
  readonly sasl?: SASLOptions;
  /** Then an error that may pass is thrown; very many unless said. */
  readonly retriesMax?: number;
}

const CONNECT_TIMEOUT_MS = 2_000;
/** Longer than a fetch waits: a broker that takes longer is silent. */
const REQUEST_TIMEOUT_MS = 4_000;
const LOG_EVERY_MS = 10_000;
/** How long a disconnect may take. */
const DISCONNECT_MS = 3_000;

/** The sockets and retries of one producer, consumer or admin. */
export interface Life {
  readonly kafka: Kafka;
  readonly ended: boolean;
  /** A request was not answered in time: closes the connections to that broker. */
  readonly hangUp: (late: { readonly payload: { readonly broker: string } }) => void;
  end(): void;
}

/** `lives`: those that are not over. */
export function openLife(options: LifeOptions, lives: Set<Life>): Life {
  quietenIdleTimers();
  const { brokers, clientId, log, tls = false, sasl } = options;
  const { retriesMax = Number.MAX_SAFE_INTEGER } = options;
  const sockets = new Map<Socket, string>();
  let ended = false;
  const kafka = new Kafka({
    brokers: [...brokers],
    clientId,
    logLevel: logLevel.WARN,
    logCreator: loggingTo(log, () => ended),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: retryWhile(() => (ended ? 0 : retriesMax)),
    ssl: tls,
    ...(sasl && { sasl }),
    socketFactory: ({ host, port, onConnect }) => {
      if (ended) throw new Error('it was closed');
      const socket = tls
        ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }) }, onConnect)
        : connect({ host, port }, onConnect);
      socket.setNoDelay(true).setKeepAlive(true);
      sockets.set(socket, `${host}:${port}`);
      socket.on('close', () => sockets.delete(socket));
      return socket;
    },
  });
  const life: Life = {
    kafka,
    get ended() {
      return ended;
    },
    hangUp: ({ payload }) => {
      for (const [socket, broker] of sockets)
        if (broker === payload.broker) socket.destroy(new Error('the broker is silent'));
    },
    end: () => {
      ended = true;
      lives.delete(life);
      for (const socket of sockets.keys()) socket.destroy(new Error('it was closed'));
    },
  };
  lives.add(life);
  return life;
}

/** The number of retries is read before each one, so it can become none. */
function retryWhile(retriesLeft: () => number): RetryOptions {
  const retries = { valueOf: retriesLeft };
  return {
    initialRetryTime: 100,
    maxRetryTime: 1_000,
    retries: retries as unknown as number,
    // The owner of a consumer opens a new one when this one gives up.
    restartOnFailure: async () => false,
  };
}

/**
 * The client retries many times a second while a broker is away: one warning every ten seconds is
 * logged, the others at debug level. The end of a consumer is logged by its owner.
 */
function loggingTo(log: Log, isEnded: () => boolean): logCreator {
  let loggedAtMs = -Infinity;
  return () => (entry) => {
    const { message, timestamp: _, logger: _logger, stack: _stack, ...rest } = entry.log;
    if (isEnded() || entry.level > logLevel.WARN) return;
    const isDue = performance.now() - loggedAtMs > LOG_EVERY_MS;
    if (isDue) loggedAtMs = performance.now();
    log[isDue ? 'warn' : 'debug']({ ...rest, kafka: entry.namespace }, message);
  };
}

/** Waits for a disconnect, but not for ever; its failure changes nothing. */
export async function disconnected(disconnecting: Promise<unknown>): Promise<void> {
  await within(DISCONNECT_MS, disconnecting).catch(() => undefined);
}

export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = sleep(ms, undefined, { signal: done.signal }).then(() => {
    throw new Error(`no answer from Kafka within ${ms} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
    late.catch(() => undefined);
  }
}
