/** A TCP proxy before PostgreSQL, for specs: it can lose answers, fall silent and go away. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Proxy {
  readonly url: string;
  /**
   * `through`; `losing-answers`: the next answer is swallowed and its connection cut; `silent`:
   * nothing passes either way; `away`: connections are refused and cut.
   */
  mode: 'through' | 'losing-answers' | 'silent' | 'away';
  close(): Promise<void>;
}

export async function openProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let mode: Proxy['mode'] = 'through';

  const cut = (...ends: Socket[]) => ends.forEach((end) => end.destroy());
  const server = createServer((client) => {
    if (mode === 'away') {
      client.destroy();
      return;
    }
    const backend = connect(Number(port), hostname);
    for (const end of [client, backend]) {
      sockets.add(end);
      end.setNoDelay(true);
      end.on('error', () => undefined);
      end.on('close', () => {
        sockets.delete(end);
        cut(client, backend);
      });
    }
    client.on('data', (chunk) => mode !== 'silent' && backend.write(chunk));
    backend.on('data', (chunk) => {
      if (mode === 'through') client.write(chunk);
      if (mode !== 'losing-answers') return;
      mode = 'through';
      cut(client, backend);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    get mode() {
      return mode;
    },
    set mode(next) {
      mode = next;
      if (next === 'away') cut(...sockets);
    },
    async close() {
      cut(...sockets);
      server.close();
      await once(server, 'close');
    },
  };
}
