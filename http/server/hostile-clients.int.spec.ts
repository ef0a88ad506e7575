/** Clients that send too much, too slowly, in crumbs, or ahead; and what others notice of them. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { eventually } from '../../testing/eventually.js';
import { openByteBudget } from './byte-budget.js';
import { openRefusalDelays } from './refusal-delays.js';
import type { Route } from './route.js';
import type { ServedProcess } from './testing/served-process.js';
import { openTestServer, type TestServer } from './testing/kit.js';

const MB = 1024 * 1024;

const route = (method: Route['method'], path: string, more: Partial<Route> = {}): Route => ({
  summary: 's',
  tag: 't',
  replySchemas: { 200: {} },
  audience: 'tenant',
  permission: 'executions:read',
  method,
  path,
  handle: async () => ({ status: 200, body: {} }),
  ...more,
});

/** Writes all of it before it reads a byte, as far as the other side lets it. */
async function writeThenRead(port: number, parts: Iterable<string | Buffer>): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  await once(socket, 'connect');
  for (const part of parts) if (!socket.write(part)) await once(socket, 'drain');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.resume();
  await once(socket, 'close');
  return text;
}

const piece = Buffer.alloc(64 * 1024, 0x20);

function* announced(head: string, bytes: number) {
  yield `${head}content-length: ${bytes}\r\n\r\n`;
  for (let sent = 0; sent < bytes; sent += piece.length) yield piece;
}

function* chunked(head: string, bytes: number) {
  yield `${head}transfer-encoding: chunked\r\n\r\n`;
  for (let sent = 0; sent < bytes; sent += piece.length) {
    yield '10000\r\n';
    yield piece;
    yield '\r\n';
  }
  yield '0\r\n\r\n';
}

describe('a refusal is read by a client that writes all before it reads', () => {
  let server: TestServer;
  const headOf = (line: string, ...headers: string[]) =>
    `${[`${line} HTTP/1.1`, 'host: x', 'connection: close', ...headers].join('\r\n')}\r\n`;

  before(async () => {
    server = await openTestServer({
      routes: [route('POST', '/echo', { bodySchema: { type: 'object' } }), route('POST', '/bare')],
    });
  });
  after(() => server.close());

  const cases: readonly (readonly [status: number, line: string, ...headers: string[]])[] = [
    [413, 'POST /v1/echo', 'KEY'],
    [401, 'POST /v1/echo'],
    [404, 'POST /v1/nothing', 'KEY'],
    [405, 'PUT /v1/echo', 'KEY'],
    [400, 'POST /v1/echo', 'KEY', 'content-type: text/plain'],
    [200, 'POST /v1/bare', 'KEY'],
  ];
  for (const [status, line, ...headers] of cases)
    for (const [how, write] of [
      ['announced', announced],
      ['chunked', chunked],
    ] as const)
      it(`${status} ${line}, 50 MB, ${how}`, async () => {
        const key = `authorization: Bearer ${server.apiKey}`;
        const head = headOf(line, ...headers.map((one) => (one === 'KEY' ? key : one)));
        const answer = await writeThenRead(server.port, write(head, 50 * MB));
        expect(answer).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
        expect(answer).to.match(/\}$/);
      }).timeout(60_000);

  it('also by one that writes slowly', async () => {
    const head = headOf('POST /v1/echo', `authorization: Bearer ${server.apiKey}`);
    const socket = connect(server.port, '127.0.0.1');
    socket.pause();
    socket.write(`${head}transfer-encoding: chunked\r\n\r\n`);
    for (let sent = 0; sent < 3 * MB; sent += piece.length) {
      socket.write('10000\r\n');
      socket.write(piece);
      socket.write('\r\n');
      await pause(40);
    }
    socket.write('0\r\n\r\n');
    const [data] = (await once(socket.resume(), 'data')) as [Buffer];
    expect(data.toString('latin1')).to.match(/^HTTP\/1\.1 413 /);
    socket.destroy();
  }).timeout(60_000);

  it("and Node's own client sees it while it writes", async () => {
    const headers = { authorization: `Bearer ${server.apiKey}` };
    const { port } = server;
    const sending = request({ port, path: '/v1/echo', method: 'POST', headers });
    let status = 0;
    const closed = new Promise<void>((resolve) => sending.once('close', () => resolve()));
    sending.once('response', (answer) => {
      status = answer.statusCode ?? 0;
      answer.resume();
    });
    for (let sent = 0; sent < 50 * MB && !sending.destroyed; sent += piece.length)
      if (!sending.write(piece))
        await Promise.race([new Promise<void>((go) => sending.once('drain', go)), closed]);
    sending.end();
    await closed;
    expect(status).to.equal(413);
  }).timeout(60_000);

  it('and keeps the connection of a client whose body was short', async () => {
    const refused = `POST /v1/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n`;
    const socket = connect(server.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.write(refused);
    await eventually('the first refusal', () => text.includes('UNAUTHORIZED'));
    socket.write(`12345${refused}12345`);
    await eventually('the second', () => text.split('HTTP/1.1 401').length === 3);
    expect(text).not.to.match(/connection: close/i);
    socket.destroy();
  });

  it('gives no leave to send what it refuses', async () => {
    for (const line of ['POST /v1/echo', 'POST /v1/nothing']) {
      const announced = 'content-length: 9\r\nexpect: 100-continue\r\n\r\n';
      const answer = await server.raw(`${line} HTTP/1.1\r\nhost: x\r\n${announced}`);
      expect(answer).to.match(/^HTTP\/1\.1 40[14] /);
      expect(answer).to.match(/connection: close/i);
    }
    const key = `authorization: Bearer ${server.apiKey}`;
    const head = headOf('POST /v1/echo', key, 'expect: 100-continue', 'content-length: 2');
    const answer = await server.raw(`${head}\r\n{}`);
    expect(answer).to.match(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  });
});

describe('requests that a client sends ahead', () => {
  it('are handled one after another, and too many end the connection', async () => {
    let open = 0;
    let most = 0;
    const handle = async () => {
      most = Math.max(most, (open += 1));
      await pause(1);
      open -= 1;
      return { status: 200, body: { done: true } };
    };
    const server = await openTestServer({ routes: [route('GET', '/slow', { handle })] });
    const one = `GET /v1/slow HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${server.apiKey}\r\n`;
    const last = `${one}connection: close\r\n\r\n`;
    const answer = await server.raw(`${`${one}\r\n`.repeat(99)}${last}`);
    expect(answer.split('HTTP/1.1 200 OK')).to.have.length(101);
    expect(most).to.equal(1);
    const tooMany = await server.raw(`${one}\r\n`.repeat(200)).catch(() => '');
    expect(tooMany.split('HTTP/1.1 200 OK').length).to.be.below(101);
    await server.close();
  });
});

describe('what is refused too often', () => {
  /** So many cost more than a burst, and what a second's share pays for. */
  const REFUSALS = 400;
  /** Less than a second, for which each waits after them. */
  const LATE_MS = 900;
  const routes = [route('POST', '/echo', { bodySchema: { type: 'object' } })];
  const kinds: Readonly<Record<string, (server: TestServer) => Promise<string>>> = {
    'by its body': async (server) =>
      String((await server.ask('POST', '/v1/echo', { body: 'no JSON' })).status),
    'as nobody knows its key': async (server) => {
      const headers = { authorization: 'Bearer made-up' };
      return String((await server.ask('POST', '/v1/echo', { headers })).status);
    },
    'as it is no HTTP': async (server) => (await server.raw('no HTTP\r\n\r\n')).slice(9, 12),
  };
  const took = async (work: () => Promise<string>, status: RegExp): Promise<number> => {
    const began = performance.now();
    expect(await work()).to.match(status);
    return performance.now() - began;
  };
  for (const [how, refusedBy] of Object.entries(kinds))
    it(`${how}, is answered late, and what is granted beside it is not`, async () => {
      // For debts time stands still, so that a slow machine pays none of them.
      const server = await openTestServer({ routes, refusalDelays: openRefusalDelays(() => 0) });
      const refused = () => refusedBy(server);
      const granted = async () =>
        String((await server.ask('POST', '/v1/echo', { body: { a: 1 } })).status);
      const all = Array.from({ length: REFUSALS }, () => took(refused, /^40[01]$/));
      const waits = await Promise.all(all);
      expect(Math.max(...waits)).to.be.above(LATE_MS);
      await eventually(
        'what is granted is answered sooner',
        async () => {
          const both = [took(refused, /^40[01]$/), took(granted, /^200$/)] as const;
          const [refusedMs, grantedMs] = await Promise.all(both);
          expect(refusedMs).to.be.above(LATE_MS);
          return grantedMs < LATE_MS;
        },
        20_000,
      );
      await server.close();
    }).timeout(60_000);
});

describe('bytes that a process keeps', () => {
  const handle = async () => ({
    status: 200,
    raw: 'x'.repeat(16 * MB),
    headers: { 'content-type': 'text/plain' },
  });
  const routes = [
    route('POST', '/echo', { bodySchema: { type: 'object' } }),
    route('GET', '/big', { handle }),
  ];
  const open = async (bytesMax: number) => {
    const budget = openByteBudget(bytesMax, bytesMax);
    const server = await openTestServer({ budget, routes });
    const begin = (line: string, more = '') => {
      const socket = connect(server.port, '127.0.0.1').pause();
      socket.on('error', () => undefined);
      const key = `authorization: Bearer ${server.apiKey}\r\n`;
      socket.write(`${line} HTTP/1.1\r\nhost: x\r\n${key}${more}\r\n`);
      return socket;
    };
    return { budget, server, begin };
  };

  it('are bounded in requests: one more is asked to come again', async () => {
    const { budget, server, begin } = await open(4 * MB);
    const slow = Array.from({ length: 4 }, () => {
      const socket = begin('POST /v1/echo', `content-length: ${MB}\r\n`);
      socket.write(Buffer.alloc(600 * 1024, 0x20));
      return socket;
    });
    await eventually('they are held', () => budget.total === 4 * MB);
    const { status, headers, json } = await server.ask('POST', '/v1/echo', { body: { a: 1 } });
    for (const socket of slow) socket.destroy();
    expect([status, headers['retry-after']]).to.deep.equal([503, '1']);
    expect(json).to.have.nested.property('error.code', 'SERVICE_UNAVAILABLE');
    await eventually('they are given back', () => budget.total === 0);
    expect((await server.ask('POST', '/v1/echo', { body: { a: 1 } })).status).to.equal(200);
    expect(budget.total).to.equal(0);
    await server.close();
  });

  it('and in answers that nobody takes: one more is cut', async () => {
    const { budget, server, begin } = await open(20 * MB);
    const first = begin('GET /v1/big');
    await eventually('an answer is held', () => budget.total > 2 * MB);
    const others = Array.from({ length: 8 }, () => begin('GET /v1/big'));
    const cut = others.map((socket) => once(socket.resume(), 'close'));
    await Promise.race(cut);
    expect(budget.total).to.be.within(2 * MB, 20 * MB);
    for (const socket of [first, ...others]) socket.destroy();
    await eventually('all is given back', () => budget.total === 0);
    expect((await server.ask('GET', '/v1/big')).text).to.have.length(16 * MB);
    await server.close();
  });
});

describe('clients that send in crumbs', () => {
  const CLIENTS = 64;
  const GROWTH_BYTES_MAX = 150 * MB;
  let child: ChildProcess;
  let served: ServedProcess;

  before(async () => {
    const module = fileURLToPath(new URL('./testing/served-process.ts', import.meta.url));
    child = fork(module, [], { execArgv: ['--import', 'tsx'] });
    [served] = (await once(child, 'message')) as [ServedProcess];
  });
  after(() => child.kill());

  const rss = async (): Promise<number> => {
    child.send('rss');
    const [bytes] = (await once(child, 'message')) as [number];
    return bytes;
  };

  const headWith = (more: string) =>
    `POST /v1/echo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${served.apiKey}\r\n` +
    `${more}\r\n\r\n`;

  const post = (body: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const { port, apiKey } = served;
      const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
      const sending = request({ port, path: '/v1/echo', method: 'POST', headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      sending.on('error', reject);
      sending.end(body);
    });

  it('take a small body byte by byte', async () => {
    const text = `{"a":"${'x'.repeat(2_000)}"}`;
    const crumbs = [...text].map((one) => `1\r\n${one}\r\n`).join('');
    const socket = connect(served.port, '127.0.0.1');
    socket.write(`${headWith('transfer-encoding: chunked')}${crumbs}0\r\n\r\n`);
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString()).to.match(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  it('are refused in words, each of them', async () => {
    const crumbs = `${headWith('transfer-encoding: chunked')}${'1\r\n \r\n'.repeat(20_000)}`;
    const hostile = Array.from({ length: 16 }, async () => {
      const socket = connect(served.port, '127.0.0.1');
      socket.write(crumbs);
      const [data] = (await once(socket, 'data')) as [Buffer];
      socket.on('error', () => undefined).destroy();
      return data.toString();
    });
    for (const text of await Promise.all(hostile)) {
      expect(text).to.match(/^HTTP\/1\.1 400 /);
      expect(text).to.match(/too many small pieces/);
    }
  });

  it('cost little memory and disturb nobody', async () => {
    for (let n = 0; n < 200; n += 1) await post('{"warm":1}');
    const before = await rss();
    const crumbs = Buffer.from('1\r\nx\r\n'.repeat(16 * 1024));
    const hostile = Array.from({ length: CLIENTS }, () => {
      const socket = connect(served.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      void sendCrumbs(socket, headWith('transfer-encoding: chunked'), crumbs);
      return socket;
    });
    const statuses: number[] = [];
    let most = before;
    for (let round = 0; round < 60; round += 1) {
      statuses.push(...(await Promise.all([post('{"a":1}'), post('{"b":2}')])));
      most = Math.max(most, await rss());
    }
    for (const socket of hostile) socket.destroy();
    expect(statuses).to.deep.equal(statuses.map(() => 200));
    expect(most - before).to.be.below(GROWTH_BYTES_MAX);
  }).timeout(60_000);

  it('and so do those that send a megabyte slowly', async () => {
    const before = await rss();
    const part = Buffer.alloc(1024, 0x20);
    const hostile = Array.from({ length: CLIENTS }, () => {
      const socket = connect(served.port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(headWith(`content-length: ${MB}`));
      return socket;
    });
    let most = before;
    for (let sent = 0; sent < MB - 64 * 1024; sent += 16 * part.length) {
      for (const socket of hostile) for (let n = 0; n < 16; n += 1) socket.write(part);
      expect(await post('{"a":1}')).to.equal(200);
      most = Math.max(most, await rss());
    }
    for (const socket of hostile) socket.destroy();
    expect(most - before).to.be.below(GROWTH_BYTES_MAX);
  }).timeout(60_000);
});

/** Until the server has had enough, which may break the connection off. */
async function sendCrumbs(socket: Socket, head: string, crumbs: Buffer): Promise<void> {
  const emits = (event: string) => new Promise((resolve) => socket.once(event, resolve));
  const closed = emits('close');
  socket.write(head);
  for (let n = 0; n < 64 && !socket.destroyed; n += 1)
    if (!socket.write(crumbs)) await Promise.race([emits('drain'), closed]);
}
