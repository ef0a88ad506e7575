/** A webhook receiver: a real server that keeps what it was told and answers as it is set to. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from './at-end.js';

export interface Told {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The bytes as they came. */
  readonly raw: string;
  /** What it was answered. */
  readonly status: number;
  readonly atMs: number;
}

export interface Manner {
  /** So many first requests are answered 500. */
  readonly failFirst?: number;
  readonly slowMs?: number;
  /** Which paths `slowMs` is for; all unless it is said. */
  readonly isSlow?: (path: string) => boolean;
  /** So many first requests are answered at once all the same. */
  readonly slowAfter?: number;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Done with each request before it is answered. */
  readonly beforeAnswer?: () => Promise<unknown>;
  /** Sent with every answer. */
  readonly body?: Buffer;
}

export interface Receiver {
  readonly url: string;
  readonly told: readonly Told[];
  close(): Promise<void>;
}

export async function startReceiver(manner: Manner = {}): Promise<Receiver> {
  const { failFirst = 0, slowMs = 0, slowAfter = 0, isSlow = () => true } = manner;
  const { status: usual = 200, headers = {}, body, beforeAnswer } = manner;
  const told: Told[] = [];
  let requests = 0;
  const server = createServer((request, response) => {
    const n = ++requests;
    const status = n <= failFirst ? 500 : usual;
    void buffer(request).then(
      async (bytes) => {
        const { url: path = '', headers: received } = request;
        const raw = bytes.toString('utf8');
        told.push({ path, headers: received, raw, status, atMs: Date.now() });
        await beforeAnswer?.();
        if (slowMs > 0 && n > slowAfter && isSlow(path))
          await sleep(slowMs, undefined, { ref: false });
        response.writeHead(status, headers).end(body);
      },
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  atEnd(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, told, close };
}
