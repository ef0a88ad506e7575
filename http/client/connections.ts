/**
 * The connections of the outbound client: at most `perOriginMax` calls to one origin at a time, the
 * others wait their turn, first come first served. One slow host fills its own lane and no other.
 *
 * Each connection carries one call at a time and is closed when a call on it ends badly, so a call
 * that gives up leaves nothing behind: no queued request, no reconnect, no half-read answer.
 */

import { Client } from 'undici';

export interface Connections {
  /**
   * Runs `start` once, now or when its turn has come, unless the returned function is called
   * before. Who has been started must release the lease, once.
   */
  lease(origin: string, start: (lease: Lease) => void): () => void;
  /** Ends every call in flight; a lease taken afterwards holds a dead connection. */
  close(): Promise<void>;
}

export interface Lease {
  readonly client: Client;
  /** `keep` only after a whole answer; otherwise the connection is closed. */
  release(keep: boolean): void;
}

type Start = (lease: Lease) => void;

interface Lane {
  readonly origin: string;
  busy: number;
  readonly idle: Set<Client>;
  readonly waiting: Set<Start>;
}

export function openConnections(
  perOriginMax: number,
  clientOptions: Readonly<Client.Options>,
): Connections {
  const lanes = new Map<string, Lane>();
  const clients = new Set<Client>();
  let isClosed = false;

  function lease(origin: string, start: Start): () => void {
    const lane = lanes.get(origin) ?? { origin, busy: 0, idle: new Set(), waiting: new Set() };
    lanes.set(origin, lane);
    if (lane.busy === perOriginMax) {
      lane.waiting.add(start);
      return () => lane.waiting.delete(start);
    }
    lane.busy += 1;
    grant(lane, start);
    return () => undefined;
  }

  function grant(lane: Lane, start: Start): void {
    const [client = connect(lane)] = lane.idle;
    lane.idle.delete(client);
    start({ client, release: (keep) => release(lane, client, keep) });
  }

  function release(lane: Lane, client: Client, keep: boolean): void {
    if (keep && !isClosed) lane.idle.add(client);
    else discard(lane, client);
    const [next] = lane.waiting;
    if (next) {
      lane.waiting.delete(next);
      // Later, because when a whole queue fails at once each failure would nest in the last.
      queueMicrotask(() => grant(lane, next));
      return;
    }
    lane.busy -= 1;
    forgetIfEmpty(lane);
  }

  function connect(lane: Lane): Client {
    const client = new Client(lane.origin, clientOptions);
    clients.add(client);
    client.on('disconnect', () => {
      if (lane.idle.has(client)) discard(lane, client);
      forgetIfEmpty(lane);
    });
    if (isClosed) discard(lane, client);
    return client;
  }

  function discard(lane: Lane, client: Client): void {
    lane.idle.delete(client);
    clients.delete(client);
    client.destroy(() => undefined);
  }

  function forgetIfEmpty(lane: Lane): void {
    if (lane.busy === 0 && lane.idle.size === 0) lanes.delete(lane.origin);
  }

  return {
    lease,
    async close() {
      isClosed = true;
      await Promise.all([...clients].map((client) => client.destroy()));
    },
  };
}
