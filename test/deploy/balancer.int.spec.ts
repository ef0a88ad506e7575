/** The shipped haproxy.cfg under a real HAProxy: replicas by DNS, the split, affinity, retries. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Agent, request, type Dispatcher } from 'undici';
import { debianProgram } from '../../scripts/deploy-tools.js';
import { exitOf, startChild, type Child } from '../../testing/child-process.js';
import { eventually } from '../../testing/eventually.js';
import { freePort } from '../../testing/free-port.js';
import { skipOutsideCi } from '../../testing/skip.js';
import { startNamesServer, type NamesServer } from './names-server.js';

interface Replica {
  readonly address: string;
  /** Method and path of what reached it, health checks apart. */
  readonly served: string[];
  ready: boolean;
  /** Ends the connection of the next request without an answer. */
  dropNext: boolean;
  stop(): Promise<void>;
}

const COMMANDS = ['127.0.0.11', '127.0.0.12'];
const QUERIES = ['127.0.0.21'];

describe('the balancer', function () {
  this.timeout(60_000);
  let dir: string;
  let names: NamesServer;
  let port: number;
  let haproxy: Child;
  let baseUrl: string;
  let agent: Agent;
  let replicas: Map<string, Replica>;

  before(async function () {
    const reason = await missing();
    if (reason) skipOutsideCi(this, reason);
    dir = await mkdtemp(join(tmpdir(), 'modelroute-balancer-'));
    [names, port] = await Promise.all([startNamesServer(), freePort()]);
    replicas = new Map();
    for (const address of [...COMMANDS, ...QUERIES])
      replicas.set(address, await startReplica(address, port));
    names.tell('command-api.test', COMMANDS);
    names.tell('query-api.test', QUERIES);
    agent = new Agent();
    ({ haproxy, baseUrl } = await startHaproxy(dir, names.port, port));
    await eventually(
      'both command replicas are known',
      async () => {
        const used = await Promise.all(keys(30).map((key) => send('POST', '/warm', key)));
        return new Set(used.map(({ by }) => by)).size === COMMANDS.length;
      },
      15_000,
    );
    await eventually('the query replica is known', async () => {
      return (await send('GET', '/warm')).status === 200;
    });
  });

  beforeEach(() => {
    for (const replica of replicas.values()) replica.served.length = 0;
  });

  after(async () => {
    haproxy?.process.kill('SIGTERM');
    if (haproxy) await exitOf(haproxy, 10_000);
    await agent?.close();
    for (const replica of replicas?.values() ?? []) await replica.stop();
    await names?.close();
    if (dir) await rm(dir, { recursive: true, force: true });
  });

  async function send(method: Dispatcher.HttpMethod, path: string, key?: string) {
    const answer = await request(`${baseUrl}${path}`, {
      // A connection each: on a used one HAProxy hangs up instead of saying 502.
      method,
      dispatcher: agent,
      reset: true,
      ...(key && { headers: { authorization: `Bearer ${key}` } }),
    });
    await answer.body.dump();
    return { status: answer.statusCode, by: String(answer.headers['x-replica']) };
  }

  it('sends what reads to the query API, and all else to the command API', async () => {
    const kindOf = async (method: Dispatcher.HttpMethod) => {
      const { by } = await send(method, '/v1/executions', 'one');
      return QUERIES.includes(by) ? 'query' : COMMANDS.includes(by) ? 'command' : by;
    };
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
    const kinds: Record<string, string> = {};
    for (const method of methods) kinds[method] = await kindOf(method);
    expect(kinds).to.deep.equal({
      GET: 'query',
      HEAD: 'query',
      POST: 'command',
      PUT: 'command',
      PATCH: 'command',
      DELETE: 'command',
      OPTIONS: 'command',
    });
  });

  it('shows no figures outside', async () => {
    expect((await send('GET', '/metrics')).status).to.equal(404);
    expect(replicas.get(QUERIES[0] ?? '')?.served).to.deep.equal([]);
  });

  it('keeps each caller at one replica', async () => {
    for (const key of keys(10)) {
      const seen = new Set<string>();
      for (let n = 0; n < 4; n += 1) seen.add((await send('POST', '/v1/executions', key)).by);
      expect([...seen], key).to.have.length(1);
    }
  });

  it('moves no caller but those of a replica that is not ready, and moves them back', async () => {
    const homes = async () =>
      new Map(
        await Promise.all(
          keys(30).map(async (key) => [key, (await send('POST', '/home', key)).by] as const),
        ),
      );
    const [stays = '', goes = ''] = COMMANDS;
    const before = await homes();
    const leaving = replicas.get(goes) as Replica;
    leaving.ready = false;
    await eventually('nobody is there', async () => !has(await homes(), goes), 10_000);
    expect([...(await homes()).values()]).to.deep.equal(keys(30).map(() => stays));
    leaving.ready = true;
    await eventually('it is used again', async () => has(await homes(), goes), 10_000);
    expect(await homes()).to.deep.equal(before);
  });

  it('tries another replica where one cannot be reached', async () => {
    const [, goes = ''] = COMMANDS;
    const leaving = replicas.get(goes) as Replica;
    await leaving.stop();
    const statuses = await Promise.all(
      keys(30).map(async (key) => (await send('POST', '/moved', key)).status),
    );
    expect(new Set(statuses)).to.deep.equal(new Set([202]));
    replicas.set(goes, await startReplica(goes, port));
    await eventually(
      'it is used again',
      async () => {
        const used = await Promise.all(keys(30).map((key) => send('POST', '/back', key)));
        return used.some(({ by }) => by === goes);
      },
      10_000,
    );
  });

  it('does not send again what a replica may have taken', async () => {
    const { by } = await send('POST', '/v1/executions', 'once');
    const home = replicas.get(by) as Replica;
    home.dropNext = true;
    expect((await send('POST', '/taken', 'once')).status).to.equal(502);
    const reached = [...replicas.values()].flatMap(({ served }) => served);
    expect(reached.filter((line) => line === 'POST /taken')).to.have.length(1);
  });

  it('finds a replica that was added', async () => {
    const added = '127.0.0.13';
    replicas.set(added, await startReplica(added, port));
    names.tell('command-api.test', [...COMMANDS, added]);
    await eventually(
      'it is used',
      async () => {
        const used = await Promise.all(keys(40).map((key) => send('POST', '/more', key)));
        return used.some(({ by }) => by === added);
      },
      10_000,
    );
  });
});

const keys = (count: number): string[] => Array.from({ length: count }, (_, n) => `key-${n}`);

const has = (homes: ReadonlyMap<string, string>, address: string): boolean =>
  [...homes.values()].includes(address);

/** Only Linux lets anybody listen on all of 127.0.0.0/8. */
async function missing(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'replicas need addresses of their own, as Linux has';
  const found = await debianProgram('haproxy');
  return 'missing' in found ? found.missing : undefined;
}

/** The shipped file, but for its ports and its name server. */
async function startHaproxy(dir: string, namesPort: number, replicaPort: number) {
  const found = await debianProgram('haproxy');
  if ('missing' in found) throw new Error(found.missing);
  const [publicPort, insidePort] = await Promise.all([freePort(), freePort()]);
  const shipped = await readFile('deploy/haproxy/haproxy.cfg', 'utf8');
  const file = join(dir, 'haproxy.cfg');
  const swap: Record<string, string> = {
    'parse-resolv-conf': `nameserver test 127.0.0.1:${namesPort}`,
    'bind :8080': `bind 127.0.0.1:${publicPort}`,
    'bind :8405': `bind 127.0.0.1:${insidePort}`,
  };
  await writeFile(file, swapped(shipped, swap));
  const haproxy = startChild({
    command: found.path,
    args: ['-db', '-f', file],
    env: {
      ...found.env,
      COMMAND_API: `command-api.test:${replicaPort}`,
      QUERY_API: `query-api.test:${replicaPort}`,
    },
  });
  await eventually('HAProxy listens', async () => {
    if (haproxy.process.exitCode !== null) throw new Error(haproxy.lines.join('\n'));
    const health = await fetch(`http://127.0.0.1:${insidePort}/healthz`).catch(() => undefined);
    return health?.ok;
  });
  return { haproxy, baseUrl: `http://127.0.0.1:${publicPort}` };
}

function swapped(text: string, swap: Readonly<Record<string, string>>): string {
  return Object.entries(swap).reduce((result, [from, to]) => {
    if (result.split(from).length !== 2) throw new Error(`haproxy.cfg must say '${from}' once`);
    return result.replace(from, to);
  }, text);
}

async function startReplica(address: string, port: number): Promise<Replica> {
  const sockets = new Set<Socket>();
  const replica: Replica = {
    address,
    served: [],
    ready: true,
    dropNext: false,
    stop: async () => {
      if (!server.listening) return;
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
  const server: Server = createServer((asked, answer) => {
    if (asked.url === '/readyz') return void answer.writeHead(replica.ready ? 200 : 503).end();
    replica.served.push(`${asked.method} ${asked.url}`);
    if (replica.dropNext) {
      replica.dropNext = false;
      return void asked.socket.destroy();
    }
    const status = asked.method === 'GET' || asked.method === 'HEAD' ? 200 : 202;
    answer.writeHead(status, { 'x-replica': address }).end();
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(port, address);
  await once(server, 'listening');
  return replica;
}
