import { expect } from 'chai';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { DownloadCut } from './receive.js';
import { chunkedHead, drip, okHead, quick, specKit, streamed, until } from './testing/kit.js';

describe('outbound download', () => {
  const { open, serve, serveRaw } = specKit();

  it('streams a body at the pace of its reader', async () => {
    const content = Buffer.alloc(5_000_000, 'abcdefg');
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'image/png' }).end(content);
    });
    const result = streamed(await open().download({ ...quick(url), bytesMax: 5_000_000 }));
    expect([result.status, result.contentType]).to.deep.equal([200, 'image/png']);
    const chunks: Buffer[] = [];
    for await (const chunk of result.body) {
      chunks.push(chunk as Buffer);
      await new Promise(setImmediate);
    }
    expect(Buffer.concat(chunks).equals(content)).to.equal(true);
  });

  it('refuses a length that is declared beyond the cap before any of it', async () => {
    const { url } = await serve((_, response) => void response.end('x'.repeat(101)));
    const result = await open().download({ ...quick(url), bytesMax: 100 });
    expect(result).to.deep.equal({ kind: 'failed', reason: 'too_large', mayHaveStarted: true });
  });

  const cuts: [name: string, reason: string, answer: (socket: Socket) => void][] = [
    ['an endless body', 'too_large', (socket) => drip(socket, 'ff\r\n'.padEnd(259, 'x') + '\r\n')],
    ['a trickle', 'timeout', (socket) => drip(socket, '1\r\nx\r\n')],
    ['a reset', 'reset', (socket) => setImmediate(() => socket.resetAndDestroy())],
  ];
  for (const [name, reason, answer] of cuts) {
    it(`cuts ${name} and says why`, async () => {
      const place = await serveRaw((socket) => {
        socket.write(chunkedHead);
        answer(socket);
      });
      const call = { url: place.url, timeoutMs: 500, bytesMax: 1_000 };
      const { body } = streamed(await open().download(call));
      const error: unknown = await buffer(body).catch((cause: unknown) => cause);
      expect(error).to.be.instanceOf(DownloadCut);
      expect((error as DownloadCut).reason).to.equal(reason);
      await until(() => place.open.size === 0);
    });
  }

  const slow: [name: string, answer: (socket: Socket) => void][] = [
    ['before its head', () => undefined],
    ['in its head', (socket) => drip(socket, 'x: y\r\n', okHead)],
    ['before its body', (socket) => socket.write(chunkedHead)],
    ['in its body', (socket) => drip(socket, '1\r\nx\r\n', `${chunkedHead}${bigChunk}`)],
  ];
  for (const [where, answer] of slow)
    it(`loses its patience with a server that hangs ${where}`, async () => {
      const place = await serveRaw(answer);
      const startedAt = performance.now();
      const result = await open().download({ ...quick(place.url), patienceMs: 200 });
      const reason =
        result.kind === 'stream'
          ? await buffer(result.body).catch((cause: unknown) => (cause as DownloadCut).reason)
          : result.kind === 'failed' && result.reason;
      expect(reason).to.equal('timeout');
      expect(performance.now() - startedAt).to.be.within(195, 6_000);
      await until(() => place.open.size === 0);
    });

  it('has patience with a slow reader, and with what is short', async () => {
    const content = Buffer.alloc(3_000_000, 'abcdefg');
    const large = await serve((_, response) => void response.end(content));
    const small = await serve((_, response) => void response.end('ok'));
    const outbound = open();
    const short = streamed(await outbound.download({ ...quick(small.url), patienceMs: 50 }));
    const { body } = streamed(
      await outbound.download({ ...quick(large.url), bytesMax: 3_000_000, patienceMs: 50 }),
    );
    const chunks: Buffer[] = [];
    for await (const chunk of body) {
      chunks.push(chunk as Buffer);
      if (chunks.length % 16 === 1) await new Promise((resolve) => setTimeout(resolve, 120));
    }
    expect(Buffer.concat(chunks).equals(content)).to.equal(true);
    expect(String(await buffer(short.body))).to.equal('ok');
  });

  it('meets its deadline though nobody reads, and tells whoever reads later', async () => {
    const place = await serve((_, response) => void response.end(Buffer.alloc(10_000_000)));
    const call = { url: place.url, timeoutMs: 1_000, bytesMax: 20_000_000 };
    const { body } = streamed(await open().download(call));
    await until(() => place.open.size === 0);
    const error: unknown = await buffer(body).catch((cause: unknown) => cause);
    expect((error as DownloadCut).reason).to.equal('timeout');
  });

  it('hangs up when its reader does', async () => {
    const place = await serve((_, response) => void response.write('x'));
    const { body } = streamed(await open().download(quick(place.url)));
    body.destroy();
    await until(() => place.open.size === 0);
  });
});

const bigChunk = `800\r\n${'x'.repeat(2_048)}\r\n`;
