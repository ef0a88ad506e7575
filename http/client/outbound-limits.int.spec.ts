import { expect } from 'chai';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import {
  answered,
  chunkedHead,
  drip,
  notStarted,
  streamed,
  okHead,
  quick,
  specKit,
  until,
} from './testing/kit.js';

describe('outbound limits', () => {
  const { open, serve, serveRaw } = specKit();

  describe('how long it may take', () => {
    const slow: Record<string, (socket: Socket) => void> = {
      'a server that is silent': () => undefined,
      'headers that never end': (socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        drip(socket, 'x: y\r\n');
      },
      'informational answers for ever': (socket) => drip(socket, 'HTTP/1.1 103 Early\r\n\r\n'),
    };
    for (const [name, answer] of Object.entries(slow)) {
      it(`ends ${name} at the deadline`, async () => {
        const place = await serveRaw(answer);
        const startedAt = performance.now();
        const result = await open().request({ ...quick(place.url), timeoutMs: 300 });
        expect(result).to.deep.equal({ kind: 'failed', reason: 'timeout', mayHaveStarted: true });
        expect(performance.now() - startedAt).to.be.within(295, 6_000);
        await until(() => place.open.size === 0);
      });
    }

    it('ends a name that is never resolved at the deadline, before anything started', async () => {
      const outbound = open({ resolveHost: () => new Promise(() => undefined) });
      const request = { ...quick('http://slow.example/'), timeoutMs: 100 };
      expect(await outbound.request(request)).to.deep.equal(notStarted('timeout'));
    });

    it('lets a full host keep nobody waiting but its own callers', async () => {
      let seen = 0;
      const slowPlace = await serve(() => void (seen += 1), '127.0.0.3');
      const place = await serve((_, response) => void response.end('ok'));
      const outbound = open({ connectionsPerHostMax: 2 });
      const calls = [400, 400, 150, 150].map((timeoutMs) =>
        outbound.request({ ...quick(slowPlace.url), timeoutMs }),
      );
      expect(answered(await outbound.request(quick(place.url))).status).to.equal(200);
      const timedOut = { kind: 'failed', reason: 'timeout', mayHaveStarted: true };
      expect(await Promise.all(calls)).to.deep.equal([
        ...[timedOut, timedOut, notStarted('timeout'), notStarted('timeout')],
      ]);
      expect([seen, slowPlace.connections]).to.deep.equal([2, 2]);
    });

    it('serves all callers of a host that has fewer places', async () => {
      let underWay = 0;
      let busiest = 0;
      const place = await serve((_, response) => {
        busiest = Math.max(busiest, ++underWay);
        setImmediate(() => {
          underWay -= 1;
          response.end('ok');
        });
      });
      const outbound = open({ connectionsPerHostMax: 3 });
      const calls = Array.from({ length: 50 }, () => outbound.request(quick(place.url)));
      for (const result of await Promise.all(calls)) answered(result);
      expect(busiest).to.be.within(1, 3);
    });

    it('stops at the signal, and never begins when it has already come', async () => {
      let seen = 0;
      const place = await serve(() => void (seen += 1));
      const outbound = open();
      const stop = new AbortController();
      const call = outbound.request({ ...quick(place.url), signal: stop.signal });
      await until(() => seen === 1);
      stop.abort();
      const aborted = { kind: 'failed', reason: 'aborted', mayHaveStarted: true };
      expect(await call).to.deep.equal(aborted);
      const late = await outbound.request({ ...quick(place.url), signal: stop.signal });
      expect(late).to.deep.equal(notStarted('aborted'));
      await until(() => place.open.size === 0);
      expect(place.connections).to.equal(1);
    });

    it('ends what is in flight or waiting when it is closed', async () => {
      const place = await serve(() => undefined);
      const outbound = open({ connectionsPerHostMax: 1 });
      const calls = [outbound.request(quick(place.url)), outbound.request(quick(place.url))];
      await until(() => place.connections === 1);
      await outbound.close();
      const results = await Promise.all(calls);
      expect(results.map((result) => result.kind === 'failed' && result.reason)).to.deep.equal([
        ...['aborted', 'aborted'],
      ]);
      expect(await outbound.request(quick(place.url))).to.deep.equal(notStarted('aborted'));
    });
  });

  describe('what may come back', () => {
    it('hangs up on a body that has no end', async () => {
      const place = await serve((_, response) => {
        const chunk = Buffer.alloc(64 * 1024, 'x');
        const more = (): void => {
          while (response.write(chunk));
          response.once('drain', more);
        };
        more();
      });
      expect(answered(await open().request(quick(place.url))).status).to.equal(200);
      await until(() => place.open.size === 0);
    });

    it('inflates nothing', async () => {
      const bomb = gzipSync(Buffer.alloc(20_000_000));
      const { url } = await serve((_, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
      });
      const outbound = open();
      expect(answered(await outbound.request(quick(url))).status).to.equal(200);
      const { contentEncoding, body } = streamed(await outbound.download(quick(url)));
      expect(contentEncoding).to.equal('gzip');
      expect(Buffer.concat(await body.toArray())).to.deep.equal(bomb);
    });

    const broken: [name: string, reason: string, answer: (socket: Socket) => void][] = [
      ['no HTTP', 'protocol', (socket) => socket.end('hello there\r\n\r\n')],
      ['64 KiB of headers', 'too_large', (socket) => socket.write(manyHeaders)],
      ['a reset', 'reset', (socket) => socket.resetAndDestroy()],
      ['a hang-up', 'reset', (socket) => socket.end()],
      ['a cut head', 'reset', (socket) => socket.end(`${okHead}content-len`)],
      ['a name with a space', 'protocol', (socket) => socket.end(`${okHead}a b: c\r\n\r\n`)],
      ['a NUL in a value', 'protocol', (socket) => socket.end(`${okHead}a: \0\r\n\r\n`)],
      ['two lengths', 'protocol', (socket) => socket.end(`${okHead}${twoLengths}\r\n\r\nab`)],
      ['a status of four digits', 'protocol', (socket) => socket.end('HTTP/1.1 2000 OK\r\n\r\n')],
      ['an upgrade', 'reset', (socket) => socket.end(`${upgradeHead}x`)],
      ['a 100 and no end of it', 'too_large', (socket) => socket.write(manyContinues)],
    ];
    for (const [name, reason, answer] of broken) {
      it(`calls ${name} a failure`, async () => {
        const { url } = await serveRaw(answer);
        const result = await open().request(quick(url));
        expect(result).to.deep.equal({ kind: 'failed', reason, mayHaveStarted: true });
      });
    }

    const sound: [name: string, status: number, answer: (socket: Socket) => void][] = [
      ['a body that is cut', 200, (socket) => socket.end(`${okHead}content-length: 9\r\n\r\nabc`)],
      ['a chunk that is cut', 200, (socket) => socket.end(`${chunkedHead}9\r\nabc`)],
      ['a chunk that is none', 200, (socket) => socket.end(`${chunkedHead}zz\r\nabc`)],
      ['a reset behind the head', 204, (socket) => socket.end('HTTP/1.1 204 \r\n\r\nxyz')],
      ['a body that trickles', 200, (socket) => drip(socket, '1\r\nx\r\n', chunkedHead)],
      ['a body that never begins', 200, (socket) => socket.write(chunkedHead)],
      ['an unasked 100', 202, (socket) => socket.end(`${continueHead}${acceptedHead}`)],
      ['a 103, and a 100 in pieces', 202, (socket) => drip(socket, '', ...inPieces)],
      ['another byte set', 200, (socket) => socket.end(`${okHead}a: \xff\r\n\r\n`, 'latin1')],
    ];
    for (const [name, status, answer] of sound) {
      it(`takes the status line of an answer with ${name}`, async () => {
        const place = await serveRaw(answer);
        const startedAt = performance.now();
        const result = answered(await open().request({ ...quick(place.url), timeoutMs: 4_000 }));
        expect(result.status).to.equal(status);
        expect(performance.now() - startedAt, 'the body is not waited for').to.be.below(3_500);
        await until(() => place.open.size === 0);
      });
    }

    it('knows that nothing started when there was no connection', async () => {
      const place = await serve((_, response) => void response.end('ok'));
      const resolveHost = (): Promise<never> => Promise.reject(new Error('no such name'));
      const outbound = open({ resolveHost });
      const free = createServer().listen(0, '127.0.0.1');
      await once(free, 'listening');
      const { port } = free.address() as AddressInfo;
      free.close();
      await once(free, 'close');
      const urls = [`http://127.0.0.1:${port}/`, 'http://nobody.example/'];
      const results = urls.map((url) => outbound.request(quick(url)));
      const plainAsTls = outbound.request(quick(place.url.replace('http:', 'https:')));
      expect(await Promise.all([...results, plainAsTls])).to.deep.equal([
        ...[notStarted('connect'), notStarted('dns'), notStarted('tls')],
      ]);
    });
  });
});

const upgradeHead = 'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n';
const twoLengths = 'content-length: 1\r\ncontent-length: 2';
const continueHead = 'HTTP/1.1 100 Continue\r\nx: y\r\n\r\n';
const acceptedHead = 'HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';
const inPieces = [
  ...['HTTP/1.1 103 Early\r\n\r\n', 'HTTP/1', '.1 10', '0 Continue', '\r\n\r', '\nHT'],
  acceptedHead.slice(2),
];
const manyContinues = `HTTP/1.1 100 Continue\r\n${`x: ${'y'.repeat(1_000)}\r\n`.repeat(64)}`;
const manyHeaders = `${okHead}${`x: ${'y'.repeat(1_000)}\r\n`.repeat(64)}\r\n`;
