/** Servers on this machine, well- and ill-behaved, for the specs of the outbound client. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { createServer as createRawServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { parseCidrs } from '../addresses.js';
import { openOutbound } from '../outbound.js';
import type { GuardedAnswered, Outbound, OutboundOptions } from '../outbound.js';
import type { Streamed } from '../receive.js';

export interface Place {
  port: number;
  url: string;
  connections: number;
  readonly open: ReadonlySet<Socket>;
}

export interface SpecKit {
  /** A client that may call `cidrs`, by default loopback. */
  readonly open: (options?: Partial<OutboundOptions>, cidrs?: string) => Outbound;
  readonly serve: (listener: RequestListener, host?: string, port?: number) => Promise<Place>;
  /** Answers with bytes of our choice, right or wrong, once a request has arrived. */
  readonly serveRaw: (answer: (socket: Socket) => void) => Promise<Place>;
  /** Any server, on a free port of loopback if no other is named. */
  readonly listen: (server: Server, host?: string, port?: number) => Promise<Place>;
}

/** Whatever a spec opened is closed after it. */
export function specKit(): SpecKit {
  const endings: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });

  async function listen(server: Server, host = '127.0.0.1', port = 0): Promise<Place> {
    const sockets = new Set<Socket>();
    const place = { port, url: '', connections: 0, open: sockets };
    server.on('connection', (socket) => {
      place.connections += 1;
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    });
    server.listen(port, host);
    await once(server, 'listening');
    place.port = (server.address() as AddressInfo).port;
    place.url = `http://${host}:${place.port}/`;
    endings.push(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    });
    return place;
  }

  return {
    listen,
    open(options = {}, cidrs = '127.0.0.0/8') {
      const parsed = parseCidrs(cidrs);
      if (!parsed.ok) throw new Error(parsed.reason);
      const outbound = openOutbound({ allowedNetworks: parsed.networks, ...options });
      endings.push(() => outbound.close());
      return outbound;
    },
    serve: (listener, host, port) => listen(createServer(listener), host, port),
    serveRaw: (answer) =>
      listen(createRawServer((socket) => void socket.once('data', () => answer(socket)))),
  };
}

export const okHead = 'HTTP/1.1 200 OK\r\n';
export const chunkedHead = `${okHead}transfer-encoding: chunked\r\n\r\n`;

/** A call with limits that no well-behaved server meets. */
export function quick(url: string) {
  return { method: 'GET', url, timeoutMs: 5_000, bytesMax: 1_000_000 } as const;
}

export function notStarted(reason: string): object {
  return { kind: 'failed', reason, mayHaveStarted: false };
}

export function answered(result: { readonly kind: string }): GuardedAnswered {
  if (result.kind !== 'answered') throw new Error(JSON.stringify(result));
  return result as GuardedAnswered;
}

export function streamed(result: { readonly kind: string }): Streamed {
  if (result.kind !== 'stream') throw new Error(JSON.stringify(result));
  return result as Streamed;
}

/** Writes each of `first`, and then `text` for ever, piece by piece. */
export function drip(socket: Socket, text: string, ...first: string[]): void {
  const timer = setInterval(() => socket.write(first.shift() ?? text), 20);
  socket.on('close', () => clearInterval(timer));
}

export async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error('it did not come to be in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
