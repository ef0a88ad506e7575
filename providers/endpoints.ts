/**
 * Where providers listen, and the kept-alive connections to each: one pool per provider, with as
 * many connections as its bulkhead, so that no provider's queue can hold up another's.
 */
import { Pool, type buildConnector } from 'undici';
import type { Provider } from '../contracts/catalogue/catalogue.js';
import { trustedConnector } from '../http/client/connector.js';
import type { ConnectionSource, Lease } from '../http/client/exchange.js';

export interface Endpoint {
  readonly source: ConnectionSource;
  /** Path of the base URL, without a slash at its end. */
  readonly basePath: string;
}

export interface Endpoints {
  of(provider: Provider): Endpoint;
  /** Ends what is still under way; callers have drained before. */
  close(): Promise<void>;
}

/** A host that takes no connection within this time is away; a call's deadline may be sooner. */
const CONNECT_TIMEOUT_MS = 5_000;

interface Known {
  readonly provider: Provider;
  readonly endpoint: Endpoint;
  readonly pool: Pool;
}

export function openEndpoints(): Endpoints {
  const connect = trustedConnector(CONNECT_TIMEOUT_MS);
  const known = new Map<string, Known>();
  const retiring = new Set<Pool>();

  const renew = (provider: Provider): Endpoint => {
    const before = known.get(provider.slug);
    const same =
      before?.provider.baseUrl === provider.baseUrl &&
      before.provider.bulkhead === provider.bulkhead;
    const opened = same && before ? before : opening(provider, connect);
    known.set(provider.slug, { ...opened, provider });
    if (before && !same) retire(before.pool);
    return opened.endpoint;
  };

  /** It finishes the calls that it holds, then closes. */
  const retire = (pool: Pool) => {
    retiring.add(pool);
    void pool.close().then(() => retiring.delete(pool));
  };

  return {
    of(provider) {
      const one = known.get(provider.slug);
      // A catalogue version keeps its provider objects, so the common case compares one reference.
      return one?.provider === provider ? one.endpoint : renew(provider);
    },
    async close() {
      const pools = [...retiring, ...[...known.values()].map(({ pool }) => pool)];
      known.clear();
      await Promise.all(pools.map((pool) => pool.destroy()));
    },
  };
}

/** No call meets a connection that fell silent long ago, whatever the server promises to keep. */
const KEEP_ALIVE_MS = 4_000;

function opening(provider: Provider, connect: buildConnector.connector): Known {
  const { baseUrl, bulkhead } = provider;
  const { origin, pathname } = new URL(baseUrl);
  const pool = new Pool(origin, {
    connections: bulkhead,
    pipelining: 1,
    connect,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    // The exchange has one deadline for all of it; these would only be coarser.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const endpoint = { source: sourceOf(pool), basePath: pathname.replace(/\/+$/, '') };
  return { provider, endpoint, pool };
}

/** The pool queues by itself; what gave up in its queue is dropped when its turn comes. */
function sourceOf(dispatcher: Pool): ConnectionSource {
  const lease: Lease = { dispatcher, release: () => undefined };
  const stayInQueue = () => undefined;
  return {
    lease(start) {
      start(lease);
      return stayInQueue;
    },
  };
}
