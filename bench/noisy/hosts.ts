/** Hosts around the system: one that hears webhooks, many that hang, and clients that mean harm. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Defer } from '../defer.js';

export interface Receiver {
  readonly url: string;
  /** When the first webhook about an execution came, as performance.now() has it, by its id. */
  readonly heardMs: ReadonlyMap<string, number>;
}

export async function startReceiver(defer: Defer): Promise<Receiver> {
  const heardMs = new Map<string, number>();
  const server = createHttpServer((request, response) => {
    const now = performance.now();
    void buffer(request).then(
      (bytes) => {
        const body = JSON.parse(bytes.toString('utf8')) as { type: string; execution_id: string };
        const isFirst = body.type === 'execution.completed' && !heardMs.has(body.execution_id);
        if (isFirst) heardMs.set(body.execution_id, now);
        response.writeHead(200).end();
      },
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/b`, heardMs };
}

export interface HangingHosts {
  /** Of the n-th delivery. */
  url(n: number): string;
  /** From now on they answer. */
  heal(): void;
}

const HOSTS = 20;

/** Each has an address of its own, takes every connection and says nothing. */
export async function startHangingHosts(defer: Defer): Promise<HangingHosts> {
  let isHealed = false;
  const answer = (socket: Socket) =>
    void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  const open = new Set<Socket>();
  const servers = Array.from({ length: HOSTS }, () =>
    createServer((socket) => {
      open.add(socket.on('close', () => open.delete(socket)).on('error', () => undefined));
      socket.on('data', () => isHealed && answer(socket));
    }),
  );
  const addresses = await Promise.all(
    servers.map((server, n) => addressOf(server, `127.0.1.${n + 1}`)),
  );
  defer(async () => {
    for (const socket of open) socket.destroy();
    for (const server of servers) server.close();
  });
  return {
    url: (n) => `http://${addresses[n % HOSTS]}/hook/${n % 7}`,
    heal() {
      isHealed = true;
      for (const socket of open) answer(socket);
    },
  };
}

async function addressOf(server: Server, host: string): Promise<string> {
  server.listen(0, host);
  await once(server, 'listening');
  return `${host}:${(server.address() as AddressInfo).port}`;
}

const HOSTILE_CONNECTIONS = 64;
const EVERY_MS = 100;
const CHUNK = '1\r\nx\r\n';

export interface HostileOptions {
  readonly url: string;
  readonly apiKey: string;
  /** Of each connection. */
  readonly chunksPerSecond: number;
}

/** Bodies that come a byte a chunk and never end; one that is refused begins again. */
export function startHostile({ url, apiKey, chunksPerSecond }: HostileOptions): () => void {
  const { hostname, port } = new URL(url);
  const chunks = CHUNK.repeat(Math.ceil((chunksPerSecond * EVERY_MS) / 1000));
  const head =
    `POST /v1/executions HTTP/1.1\r\nhost: ${hostname}:${port}\r\n` +
    `authorization: Bearer ${apiKey}\r\ncontent-type: application/json\r\n` +
    'transfer-encoding: chunked\r\n\r\n';
  let isOver = false;
  const sockets = new Set<Socket>();
  const open = () => {
    if (isOver) return;
    const socket = connect(Number(port), hostname, () => socket.write(head));
    sockets.add(socket);
    socket.on('error', () => undefined).resume();
    socket.on('close', () => {
      sockets.delete(socket);
      setTimeout(open, EVERY_MS);
    });
  };
  for (let n = 0; n < HOSTILE_CONNECTIONS; n++) open();
  const timer = setInterval(() => {
    for (const socket of sockets)
      if (!socket.connecting && !socket.writableNeedDrain) socket.write(chunks);
  }, EVERY_MS);
  return () => {
    isOver = true;
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  };
}
