/** Receives webhooks, and the bare POSTs that R10 compares them with: both sides call it. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { servePart } from './part.js';

export interface ReceivedSoFar {
  readonly received: number;
  /** Of the newest, for the other side to send the same. */
  readonly body: string;
}

servePart<object, string, object, ReceivedSoFar>(async () => {
  let received = 0;
  let newest: Buffer[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received += 1;
      newest = chunks;
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    ready: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: async () => ({ received, body: Buffer.concat(newest).toString() }),
    close: async () => server.closeAllConnections(),
  };
});
