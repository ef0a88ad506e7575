/**
 * The side door, over HTTP: POST /behave turns knobs, POST /stall {forMs} stalls once, POST
 * /pretend {count} puts events of the server's own at the end of the log, POST /node {deed, node}
 * kills, freezes, thaws, ends or starts a node of a cluster, POST /drop drops subscribers, GET /
 * says how it is.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Behaviour, Knobs } from './behaviour.js';
import type { Cluster, Deed } from './nodes.js';
import type { Subscriptions } from './subscriptions.js';
import type { Stalls } from './stalls.js';
import type { Store } from './store.js';

/** What the double says of itself. */
export interface DoubleStatus {
  readonly events: number;
  readonly subscribers: number;
  /** How often the disk was asked to make the log durable. */
  readonly syncs: number;
  /** Of the nodes of a cluster, in their order. */
  readonly roles: readonly string[];
}

interface NodeDeed {
  readonly deed: Deed;
  readonly node: number;
}

interface Controlled {
  readonly store: Store;
  readonly knobs: Knobs;
  readonly subscriptions: Pick<Subscriptions, 'count' | 'drop'>;
  readonly cluster: Cluster | undefined;
  readonly stalls: Stalls;
}

export async function openControl(
  { store, knobs, subscriptions, cluster, stalls }: Controlled,
  port: number,
) {
  const answer = async (request: IncomingMessage): Promise<unknown> => {
    switch (`${request.method} ${request.url}`) {
      case 'POST /behave':
        knobs.turn(JSON.parse(await text(request)) as Behaviour);
        return knobs.now;
      case 'POST /stall': {
        const { forMs } = JSON.parse(await text(request)) as { readonly forMs: number };
        stalls.stall(forMs);
        return { forMs };
      }
      case 'POST /pretend': {
        const { count } = JSON.parse(await text(request)) as { readonly count: number };
        await store.pretendEvents(count);
        return { count };
      }
      case 'POST /node': {
        const asked = JSON.parse(await text(request)) as NodeDeed;
        await cluster?.does(asked.deed, asked.node);
        return asked;
      }
      case 'POST /drop':
        return { dropped: subscriptions.drop() };
      case 'GET /':
        return {
          events: store.visible,
          subscribers: subscriptions.count,
          syncs: store.syncs,
          roles: cluster?.roles() ?? [],
        } satisfies DoubleStatus;
    }
    return undefined;
  };
  const http = createServer((request, response) => {
    answer(request).then(
      (body) => response.writeHead(body ? 200 : 404).end(JSON.stringify(body ?? null)),
      (error: unknown) => response.writeHead(400).end(String(error)),
    );
  }).listen(port, '127.0.0.1');
  await once(http, 'listening');
  return {
    port: (http.address() as AddressInfo).port,
    close: () => {
      http.close();
      http.closeAllConnections();
    },
  };
}
