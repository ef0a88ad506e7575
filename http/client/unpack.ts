/**
 * What a server compressed though it was asked not to, as a stream. What the answer says of itself
 * is not believed where its bytes say otherwise: a coding that nobody knows, or that they do not
 * have, is none, and bytes that begin like gzip are gzip.
 */
import { pipeline, Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { DownloadCut, type Streamed } from './receive.js';

/** The content, at most so much of it; errors with a `DownloadCut`, as the body does. */
export async function* unpacked(
  { body, contentEncoding = '' }: Pick<Streamed, 'body' | 'contentEncoding'>,
  bytesMax: number,
): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const head = await firstBytes(chunks);
  const step = unpackerFor(head, contentEncoding.toLowerCase());
  const packed = from(head, chunks);
  const content = step ? pipeline(Readable.from(packed), step, () => undefined) : packed;
  let bytes = 0;
  try {
    for await (const chunk of content as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw new DownloadCut('too_large');
      yield chunk;
    }
  } catch (error) {
    throw isOfCoding(error) ? new DownloadCut('protocol') : error;
  }
}

const HEAD_BYTES = 3;

async function firstBytes(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < HEAD_BYTES) {
    const next = await chunks.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  return head;
}

async function* from(head: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for (;;) {
    const next = await chunks.next();
    if (next.done) return;
    yield next.value;
  }
}

function unpackerFor(head: Buffer, coding: string): Transform | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) return createGunzip();
  if (/\bbr\b/.test(coding)) return createBrotliDecompress();
  if (!/\bdeflate\b/.test(coding)) return undefined;
  // RFC 1950: the method is deflate, and the first two bytes are a multiple of 31.
  const isZlib =
    ((head[0] ?? 0) & 0x0f) === 8 && ((head[0] ?? 0) * 256 + (head[1] ?? 0)) % 31 === 0;
  return isZlib ? createInflate() : createInflateRaw();
}

const isOfCoding = (error: unknown): boolean =>
  /^(Z_|ERR__ERROR_|ERR_BROTLI)/.test(String((error as { code?: unknown }).code));
