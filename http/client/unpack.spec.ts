import { expect } from 'chai';
import { Readable } from 'node:stream';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { DownloadCut } from './receive.js';
import { unpacked } from './unpack.js';

const CONTENT = Buffer.alloc(20_000, 'abcdefg');

describe('what a server compressed unasked', () => {
  const read = async (bytes: Buffer, contentEncoding?: string, bytesMax = 100_000) => {
    const pieces = [bytes.subarray(0, 1), bytes.subarray(1, 2), bytes.subarray(2)];
    const body = Readable.from(pieces.filter(({ length }) => length > 0));
    const chunks: Buffer[] = [];
    for await (const chunk of unpacked({ body, contentEncoding }, bytesMax)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };

  const ways: [string, Buffer, string | undefined][] = [
    ['nothing', CONTENT, undefined],
    ['Identity', CONTENT, 'Identity'],
    ['an unheard-of coding', CONTENT, 'utf-8'],
    ['gzip', gzipSync(CONTENT), 'gzip'],
    ['x-gzip', gzipSync(CONTENT), 'X-GZIP'],
    ['gzip that is called none', gzipSync(CONTENT), undefined],
    ['plain bytes that are called gzip', CONTENT, 'gzip'],
    ['deflate', deflateSync(CONTENT), 'deflate'],
    ['deflate without its header', deflateRawSync(CONTENT), 'deflate'],
    ['br', brotliCompressSync(CONTENT), 'br'],
    ['no bytes', Buffer.alloc(0), 'gzip'],
  ];
  for (const [name, bytes, coding] of ways)
    it(`is unpacked: ${name}`, async () => {
      const whole = bytes.length === 0 ? bytes : CONTENT;
      expect((await read(bytes, coding)).equals(whole)).to.equal(true);
    });

  const cuts: [string, string, Buffer, string][] = [
    ['is larger than allowed', 'too_large', gzipSync(Buffer.alloc(200_000)), 'gzip'],
    ['is cut', 'protocol', gzipSync(CONTENT).subarray(0, 30), 'gzip'],
    ['is damaged', 'protocol', Buffer.concat([gzipSync(CONTENT).subarray(0, 20), CONTENT]), 'gzip'],
    ['is no brotli', 'protocol', Buffer.alloc(100, 0xff), 'br'],
  ];
  for (const [name, reason, bytes, coding] of cuts)
    it(`ends with a reason where it ${name}`, async () => {
      const error: unknown = await read(bytes, coding).catch((cause: unknown) => cause);
      expect(error).to.be.instanceOf(DownloadCut);
      expect((error as DownloadCut).reason).to.equal(reason);
    });
});
