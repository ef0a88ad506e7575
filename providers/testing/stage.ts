/** A real HTTP server that plays a provider in specs, one answer at a time. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Parsed; undefined where it is no JSON. */
  readonly body: unknown;
  readonly text: string;
}

export type Answer = (response: ServerResponse, seen: Seen) => void;

export interface Stage {
  readonly url: string;
  readonly seen: Seen[];
  /** Connections that were ever opened. */
  connections(): number;
  /** The most requests that were open at one time. */
  busiest(): number;
  play(answer: Answer): void;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const seen: Seen[] = [];
  const sockets = new Set<Socket>();
  let play: Answer = (response) => void response.end();
  let connections = 0;
  let open = 0;
  let busiest = 0;
  const server = createServer((request, response) => {
    busiest = Math.max(busiest, ++open);
    response.on('close', () => open--);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const { method = '', url: path = '', headers } = request;
      const one = { method, path, headers, body: parsed(text), text };
      seen.push(one);
      play(response, one);
    });
  });
  server.on('connection', (socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    connections: () => connections,
    busiest: () => busiest,
    play: (answer) => void (play = answer),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const json =
  (body: unknown, status = 200, headers: Record<string, string | string[]> = {}): Answer =>
  (response) =>
    void response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(typeof body === 'string' ? body : JSON.stringify(body));

/** Writes to the socket what no HTTP library would. */
export const raw =
  (...pieces: string[]): Answer =>
  ({ socket }) => {
    for (const piece of pieces) socket?.write(piece);
  };

/** Then one more piece each `everyMs`, until the other side gives up. */
export const dripping =
  (head: string, piece: string, everyMs: number): Answer =>
  ({ socket }) => {
    socket?.write(head);
    const timer = setInterval(() => socket?.write(piece), everyMs);
    socket?.on('close', () => clearInterval(timer));
  };
