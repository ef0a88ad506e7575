/**
 * Where providers listen, and the kept-alive connections to each: one pool per provider, with as
 * many connections as its bulkhead, so that no provider's queue can hold up another's.
 */
import type { buildConnector } from 'undici';
import type { Provider } from '../contracts/catalogue/catalogue.js';
import { openConnections, type Connections } from '../http/client/connections.js';
import { trustedConnector } from '../http/client/connector.js';
import type { ConnectionSource } from '../http/client/exchange.js';

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
  readonly connections: Connections;
}

export function openEndpoints(): Endpoints {
  const connect = trustedConnector(CONNECT_TIMEOUT_MS);
  const known = new Map<string, Known>();
  const retired = new Set<Connections>();

  const renew = (provider: Provider): Endpoint => {
    const before = known.get(provider.slug);
    const same =
      before?.provider.baseUrl === provider.baseUrl &&
      before.provider.bulkhead === provider.bulkhead;
    const opened = same && before ? before : opening(provider, connect);
    known.set(provider.slug, { ...opened, provider });
    if (before && !same) {
      before.connections.retire();
      retired.add(before.connections);
    }
    for (const one of retired) if (!one.isInUse()) retired.delete(one);
    return opened.endpoint;
  };

  return {
    of(provider) {
      const one = known.get(provider.slug);
      // A catalogue version keeps its provider objects, so the common case compares one reference.
      return one?.provider === provider ? one.endpoint : renew(provider);
    },
    async close() {
      const all = [...retired, ...[...known.values()].map(({ connections }) => connections)];
      known.clear();
      await Promise.all(all.map((connections) => connections.close()));
    },
  };
}

/** Tracing and policy headers of a chain of gateways add up to more than the usual 16 KiB. */
const HEADER_BYTES_MAX = 64 * 1024;

/** No call meets a connection that fell silent long ago, whatever the server promises to keep. */
const KEEP_ALIVE_MS = 4_000;

function opening(provider: Provider, connect: buildConnector.connector): Known {
  const { baseUrl, bulkhead } = provider;
  const { origin, pathname } = new URL(baseUrl);
  const connections = openConnections(bulkhead, {
    pipelining: 1,
    connect,
    maxHeaderSize: HEADER_BYTES_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    // The exchange has one deadline for all of it; these would only be coarser.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const endpoint = { source: connections.to(origin), basePath: pathname.replace(/\/+$/, '') };
  return { provider, endpoint, connections };
}
