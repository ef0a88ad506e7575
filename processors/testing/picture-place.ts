/** Where a provider puts pictures, with the moods of such places. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

/** One red pixel. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAE' +
    'hQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
);
export interface Place {
  readonly url: string;
  readonly asked: readonly string[];
  /** Connections. */
  open(): number;
  close(): Promise<void>;
}

export async function openPlace(): Promise<Place> {
  const asked: string[] = [];
  let connections = 0;
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const early = asked.filter((path) => path === url).length < 3;
    const hop = Number(/^\/hop\/(\d)$/.exec(url)?.[1] ?? 0);
    const to = (location: string) => response.writeHead(302, { location }).end();
    const coded = (coding: string, body: Buffer) =>
      response.writeHead(200, { 'content-encoding': coding }).end(body);
    if (hop > 0) return void to(hop > 1 ? `${hop - 1}` : '../picture');
    if (url === '/slow') return void response.writeHead(200).write(PNG.subarray(0, 20));
    if (url === '/gzip') return void coded('gzip', gzipSync(PNG));
    if (url === '/Identity') return void coded('Identity', PNG);
    if (url === '/nonsense') return void coded('utf-8', PNG);
    if (url === '/early' && early) return void response.writeHead(404).end('not yet');
    if (url === '/short' && early) return void response.writeHead(200).end(PNG.subarray(0, 4));
    if (url === '/gone') return void response.writeHead(404).end();
    if (url === '/teapot') return void response.writeHead(418).end();
    if (url === '/inside') return void to('http://169.254.169.254/latest');
    if (url === '/page') return void response.end('<html></html>');
    if (url === '/announced')
      return void response.writeHead(200, { 'content-length': 151 * 1024 * 1024 }).write('x');
    response.end(PNG);
  });
  server.on('connection', (socket) => {
    connections += 1;
    socket.on('close', () => (connections -= 1));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    open: () => connections,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
