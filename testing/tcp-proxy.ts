/**
 * A TCP proxy before a server, for specs: what a network does between two that are both well. It
 * can lose an answer, fall silent, and go away.
 *
 * Silence is no FIN and no RST. Connections are accepted and stay open, what either side sends is
 * taken by the kernel as far as its buffers go, and nothing is forwarded, not even an end. When
 * the silence is over, new connections are forwarded, and those of before either go on, with all
 * that was held, or are forgotten: as after a firewall that lost its table they stay silent for
 * ever.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

type Mode =
  | 'through'
  /** The next answer is swallowed and its connection cut; then `through`. */
  | 'losing-answers'
  /** Nothing passes either way. */
  | 'silent'
  /** Connections are refused and cut. */
  | 'away';

/** What becomes of the connections that fell silent, once the silence is over. */
export type Afterwards = 'delivered' | 'forgotten';

export interface TcpProxy {
  readonly port: number;
  /** The target's address, by way of the proxy. */
  readonly url: string;
  /** Connections that are silent and become `through` are delivered what was held. */
  mode: Mode;
  /** Those that are open now stay silent for ever, whatever the mode is. */
  forget(): void;
  /** Silent for so long. */
  silentFor(ms: number, afterwards: Afterwards): Promise<void>;
  close(): Promise<void>;
}

/** A URL names the server; its port is the proxy's to choose unless `port` is given. */
export async function openTcpProxy(target: string, port = 0): Promise<TcpProxy> {
  const { hostname, port: targetPort } = new URL(target);
  const line: Line = {
    to: { host: hostname, port: Number(targetPort) },
    pairs: new Set(),
    mode: 'through',
  };
  const server = createServer({ pauseOnConnect: true }, (client) => accept(line, client));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return proxyOf(line, server, target);
}

interface Line {
  readonly to: { readonly host: string; readonly port: number };
  readonly pairs: Set<Pair>;
  mode: Mode;
}

interface Pair {
  readonly client: Socket;
  /** Undefined when the connection was made in silence: nobody has answered it. */
  backend: Socket | undefined;
  isForgotten: boolean;
}

function proxyOf(line: Line, server: Server, target: string): TcpProxy {
  const { port } = server.address() as AddressInfo;
  const url = new URL(target);
  url.host = `127.0.0.1:${port}`;
  const proxy: TcpProxy = {
    port,
    url: url.href,
    get mode() {
      return line.mode;
    },
    set mode(next) {
      line.mode = next;
      for (const pair of line.pairs) if (!pair.isForgotten) obey(line, pair);
    },
    forget() {
      for (const pair of line.pairs) {
        pair.isForgotten = true;
        hush(pair);
      }
    },
    async silentFor(ms, afterwards) {
      proxy.mode = 'silent';
      await sleep(ms);
      if (afterwards === 'forgotten') proxy.forget();
      proxy.mode = 'through';
    },
    async close() {
      for (const pair of line.pairs) cut(pair);
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

function accept(line: Line, client: Socket): void {
  client.on('error', () => undefined);
  const pair: Pair = { client, backend: undefined, isForgotten: false };
  line.pairs.add(pair);
  obey(line, pair);
}

function obey(line: Line, pair: Pair): void {
  if (line.mode === 'away') end(line, pair);
  else if (line.mode === 'silent') hush(pair);
  else if (!pair.backend) join(line, pair);
  else if (pair.client.destroyed || pair.backend.destroyed) end(line, pair);
  else {
    pair.client.resume();
    pair.backend.resume();
  }
}

function join(line: Line, pair: Pair): void {
  const { client } = pair;
  const backend = (pair.backend = connect(line.to));
  pipe(line, pair, client, backend);
  pipe(line, pair, backend, client);
  client.pause();
  backend.on('connect', () => {
    if (!isSilent(line, pair)) client.resume();
  });
}

function pipe(line: Line, pair: Pair, from: Socket, into: Socket): void {
  from.setNoDelay(true);
  from.on('error', () => undefined);
  from.on('data', (chunk: Buffer) => {
    if (line.mode === 'losing-answers' && from === pair.backend) {
      line.mode = 'through';
      end(line, pair);
    } else if (!into.write(chunk)) from.pause();
  });
  into.on('drain', () => {
    if (!isSilent(line, pair)) from.resume();
  });
  from.on('close', () => {
    if (!isSilent(line, pair)) end(line, pair);
  });
}

const isSilent = ({ mode }: Line, { isForgotten }: Pair) => isForgotten || mode === 'silent';

function hush({ client, backend }: Pair): void {
  client.pause();
  backend?.pause();
}

function end(line: Line, pair: Pair): void {
  line.pairs.delete(pair);
  cut(pair);
}

function cut({ client, backend }: Pair): void {
  client.destroy();
  backend?.destroy();
}
