/**
 * The double as a program:
 *
 *   node --import tsx infra/event-store/testing/double/main.ts --dir D --port P
 *     [--control-port C] [--behaviour JSON] [--tls-key K --tls-cert C] [--with-parent]
 *     [--peers P2,P3]
 *
 * `--peers` makes a cluster of it, all nodes in this process. It prints one line when it is ready.
 * `--with-parent` ends it when its standard input closes, which happens whichever way the parent
 * ends.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openKnobs, type Behaviour } from './behaviour.js';
import { openCluster } from './nodes.js';
import { openControl } from './control.js';
import { startServer, type Listening } from './server.js';
import { openStalls } from './stalls.js';
import { openStore } from './store.js';

const { values } = parseArgs({
  options: {
    dir: { type: 'string' },
    port: { type: 'string', default: '2113' },
    'control-port': { type: 'string', default: '0' },
    behaviour: { type: 'string', default: '{}' },
    'tls-key': { type: 'string' },
    'tls-cert': { type: 'string' },
    peers: { type: 'string' },
    'with-parent': { type: 'boolean', default: false },
  },
});
if (!values.dir) throw new Error('--dir names the folder of the log');

// Another double that still runs on this port most likely writes the same log.
const port = createServer().listen(Number(values.port), '127.0.0.1');
await once(port, 'listening');
port.close();
await once(port, 'close');

const knobs = openKnobs(JSON.parse(values.behaviour) as Behaviour);
await mkdir(values.dir, { recursive: true });
const stalls = openStalls(knobs);
const log = join(values.dir, 'events.log');
const store = await openStore(log, !knobs.now.forgetIdsOnRestart, stalls);
const { 'tls-key': key, 'tls-cert': cert } = values;
const tls = key && cert && { key: readFileSync(key), cert: readFileSync(cert) };
const peers = values.peers?.split(',').map(Number) ?? [];
const served =
  peers.length > 0
    ? await clusterOf([Number(values.port), ...peers])
    : await serverOf({ port: Number(values.port), ...(tls && { tls }) });
const control = await openControl(
  { store, knobs, stalls, ...served },
  Number(values['control-port']),
);

const end = async () => {
  await served.end();
  control.close();
  await store.close();
};
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    end().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
if (values['with-parent']) process.stdin.once('close', () => process.exit(0)).resume();

const url = `esdb://127.0.0.1:${values.port}?tls=false`;
console.log(
  `event store double ready: ${url} control http://127.0.0.1:${control.port} ` +
    `pid ${process.pid} events ${store.index.count}`,
);

async function serverOf(listening: Listening) {
  const server = await startServer(store, knobs, listening);
  const { subscriptions } = server;
  return { subscriptions, cluster: undefined, end: () => server.endGracefully() };
}

async function clusterOf(ports: readonly number[]) {
  const cluster = await openCluster(store, knobs, ports);
  return { subscriptions: cluster.subscriptions, cluster, end: () => cluster.close() };
}
