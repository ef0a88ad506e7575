import { expect } from 'chai';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { DownloadCut } from './receive.js';
import { chunkedHead, drip, quick, specKit, streamed, until } from './testing/kit.js';

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
