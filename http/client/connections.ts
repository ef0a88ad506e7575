/**
 * The connections of the guarded client: at most `perOriginMax` calls to one origin at a time, the
 * others wait their turn, first come first served. A slow host keeps only its own callers waiting.
 *
 * Each connection carries one call at a time and is closed when a call on it ends badly, so a call
 * that gives up leaves nothing behind: no queued request, no reconnect, no half-read answer.
 */

import { Client } from 'undici';
import type { ConnectionSource, Lease } from './exchange.js';

export interface Connections {
  to(origin: string): ConnectionSource;
  /** Ends every call in flight; a lease taken afterwards holds a dead connection. */
  close(): Promise<void>;
}

type Start = (lease: Lease) => void;

interface Origin {
  readonly url: string;
  busy: number;
  readonly idle: Set<Client>;
  readonly waiting: Set<Start>;
}

export function openConnections(
  perOriginMax: number,
  clientOptions: Readonly<Client.Options>,
): Connections {
  const origins = new Map<string, Origin>();
  const clients = new Set<Client>();
  let isClosed = false;

  function lease(url: string, start: Start): () => void {
    const origin = origins.get(url) ?? { url, busy: 0, idle: new Set(), waiting: new Set() };
    origins.set(url, origin);
    if (origin.busy === perOriginMax) {
      origin.waiting.add(start);
      return () => origin.waiting.delete(start);
    }
    origin.busy += 1;
    grant(origin, start);
    return () => undefined;
  }

  function grant(origin: Origin, start: Start): void {
    const [client = connect(origin)] = origin.idle;
    origin.idle.delete(client);
    start({ dispatcher: client, release: (keep) => release(origin, client, keep) });
  }

  function release(origin: Origin, client: Client, keep: boolean): void {
    if (keep && !isClosed) origin.idle.add(client);
    else discard(origin, client);
    const [next] = origin.waiting;
    if (next) {
      origin.waiting.delete(next);
      // Later, because when a whole queue fails at once each failure would nest in the last.
      queueMicrotask(() => grant(origin, next));
      return;
    }
    origin.busy -= 1;
    forgetIfEmpty(origin);
  }

  function connect(origin: Origin): Client {
    const client = new Client(origin.url, clientOptions);
    clients.add(client);
    client.on('disconnect', () => {
      if (origin.idle.has(client)) discard(origin, client);
      forgetIfEmpty(origin);
    });
    if (isClosed) discard(origin, client);
    return client;
  }

  function discard(origin: Origin, client: Client): void {
    origin.idle.delete(client);
    clients.delete(client);
    client.destroy(() => undefined);
  }

  function forgetIfEmpty(origin: Origin): void {
    if (origin.busy === 0 && origin.idle.size === 0) origins.delete(origin.url);
  }

  return {
    to: (url) => ({ lease: (start) => lease(url, start) }),
    async close() {
      isClosed = true;
      await Promise.all([...clients].map((client) => client.destroy()));
    },
  };
}
