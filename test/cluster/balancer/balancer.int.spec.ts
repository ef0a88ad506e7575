/** The balancer before servers that break in every way. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { request } from 'undici';
import { eventually } from '../../../testing/eventually.js';
import { startBalancer, type Balancer } from './balancer.js';
import type { Replica } from './backends.js';

interface Fake {
  readonly replica: Replica;
  readonly server: Server;
  readonly asked: string[];
  /** What it does with whatever is no question about its readiness. */
  behave: RequestListener;
  isReady: boolean;
}

describe('the balancer', () => {
  const fakes: Fake[] = [];
  let balancer: Balancer;
  afterEach(async () => {
    await balancer.close();
    for (const { server } of fakes.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  const start = async (...roles: Replica['role'][]) => {
    for (const [n, role] of roles.entries()) fakes.push(await startFake(`${role}-${n + 1}`, role));
    balancer = await startBalancer({ port: 0, replicas: fakes.map(({ replica }) => replica) });
    await eventually('all are ready', async () => (await ask('GET', '/readyz')).status === 200);
    return fakes;
  };
  const ask = async (method: 'GET' | 'POST', path: string, key = 'Bearer a', body?: string) => {
    const answer = await request(`http://127.0.0.1:${balancer.port}${path}`, {
      method,
      headers: { authorization: key },
      ...(body !== undefined && { body }),
    });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      text: await answer.body.text(),
    };
  };
  const named = (name: string): Fake => {
    const fake = fakes.find(({ replica }) => replica.name === name);
    if (!fake) throw new Error(`there is no ${name}`);
    return fake;
  };

  it('sends reads to the one API and everything else to the other', async () => {
    await start('command-api', 'query-api');
    expect((await ask('GET', '/v1/models?limit=1')).text).to.equal(
      'query-api-2 GET /v1/models?limit=1',
    );
    expect((await ask('POST', '/v1/x', 'k', 'body')).text).to.equal(
      'command-api-1 POST /v1/x body',
    );
  });

  it('keeps one writer per key, and spreads keys', async () => {
    await start('command-api', 'command-api');
    const writerOf = async (key: string) => (await ask('POST', '/', key)).text.split(' ')[0];
    const keys = Array.from({ length: 40 }, (_, n) => `Bearer sk_${n}`);
    const first = await Promise.all(keys.map(writerOf));
    expect(await Promise.all(keys.map(writerOf))).to.deep.equal(first);
    expect(new Set(first).size).to.equal(2);
  });

  it('goes on to the next when there is no connection, also with a body', async () => {
    const [one, other] = await start('command-api', 'command-api');
    const writer = (await ask('POST', '/', 'k', 'first')).text.startsWith('command-api-1')
      ? one
      : other;
    writer?.server.closeAllConnections();
    writer?.server.close();
    const again = await ask('POST', '/', 'k', 'second');
    expect(again.status).to.equal(200);
    expect(again.text).to.match(/POST \/ second$/);
    expect(again.text).not.to.contain(writer?.replica.name);
  });

  it('asks another for a read that was cut before its answer, never for a command', async () => {
    await start('command-api', 'command-api', 'query-api', 'query-api');
    for (const fake of fakes) fake.behave = (incoming) => void incoming.socket.destroy();
    named('query-api-4').behave = named('query-api-3').behave;
    const reads = await ask('GET', '/v1/x');
    expect(reads.status).to.equal(503);
    expect(named('query-api-3').asked.concat(named('query-api-4').asked)).to.have.length(2);
    const command = await ask('POST', '/v1/x', 'k', 'once');
    expect([command.status, command.headers['retry-after']]).to.deep.equal([503, '1']);
    expect(JSON.parse(command.text)).to.have.nested.property('error.code', 'SERVICE_UNAVAILABLE');
    expect(named('command-api-1').asked.concat(named('command-api-2').asked)).to.have.length(1);
  });

  it('prefers those that are ready, and takes another rather than nobody', async () => {
    const [one, other] = await start('query-api', 'query-api');
    if (!one || !other) throw new Error('there are two');
    one.isReady = false;
    const fitness = async () => (await ask('GET', '/readyz')).text;
    await eventually(
      'it is seen',
      async () => (await fitness()).includes('"query-api-1":"unready"'),
      4_000,
    );
    for (let n = 0; n < 5; n += 1) expect((await ask('GET', '/x')).text).to.match(/^query-api-2/);
    other.isReady = false;
    await eventually('nobody is', async () => (await ask('GET', '/readyz')).status === 503, 4_000);
    expect((await ask('GET', '/x')).status).to.equal(200);
  }).timeout(60_000);

  it('streams both ways: an answer begins before its request has ended', async () => {
    const [api] = await start('command-api');
    if (!api) throw new Error('there is one');
    api.behave = (incoming, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      incoming.pipe(response);
    };
    const body = new Readable({ read() {} });
    body.push('first');
    const url = `http://127.0.0.1:${balancer.port}/echo`;
    const answer = await request(url, { method: 'POST', body });
    const [part] = (await once(answer.body, 'data')) as [Buffer];
    expect(part.toString()).to.equal('first');
    body.push('second');
    body.push(null);
    expect((await buffer(answer.body)).toString()).to.equal('second');
  });

  it('cuts the caller when an answer that has begun is cut', async () => {
    const [api] = await start('query-api');
    if (!api) throw new Error('there is one');
    api.behave = (incoming, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => incoming.socket.destroy());
    };
    const outcome = await ask('GET', '/half').catch((error: unknown) => error);
    expect(outcome).to.be.instanceOf(Error);
  });

  it('names the caller alone in X-Forwarded-For, and keeps what one connection has', async () => {
    const [api] = await start('query-api');
    if (!api) throw new Error('there is one');
    api.behave = ({ headers }, response) => void response.end(JSON.stringify(headers));
    const socket = connect(balancer.port, '127.0.0.1');
    socket.write(
      'GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4\r\nX-Secret: s\r\n' +
        'Connection: close, x-secret\r\n\r\n',
    );
    const text = (await buffer(socket)).toString();
    const seen = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as object;
    expect(seen).to.deep.include({ host: 'x', connection: 'keep-alive' });
    expect(seen)
      .to.have.property('x-forwarded-for')
      .that.matches(/^(::ffff:)?127\.0\.0\.1$/);
    expect(seen).not.to.have.property('x-secret');
  });
});

async function startFake(name: string, role: Replica['role']): Promise<Fake> {
  const asked: string[] = [];
  const server = createServer((incoming, response) => {
    const { method = '', url = '' } = incoming;
    if (url === '/readyz') {
      response.writeHead(fake.isReady ? 200 : 503).end();
      return;
    }
    asked.push(`${method} ${url}`);
    fake.behave(incoming, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fake: Fake = {
    replica: { name, role, address },
    server,
    asked,
    isReady: true,
    behave: (incoming, response) => {
      void buffer(incoming).then((body) => {
        response.end(`${name} ${incoming.method} ${incoming.url} ${body.toString()}`.trim());
      });
    },
  };
  return fake;
}
