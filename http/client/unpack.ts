/**
 * What a server compressed though it was asked not to. A coding that nobody knows is taken for
 * none: what came is judged by its own bytes.
 */
import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createUnzip } from 'node:zlib';
import { DownloadCut, type Streamed } from './receive.js';

/** The content, at most so much of it; errors with a `DownloadCut`, as the body does. */
export async function* unpacked(
  { body, contentEncoding = '' }: Pick<Streamed, 'body' | 'contentEncoding'>,
  bytesMax: number,
): AsyncGenerator<Buffer> {
  // The coding that is named last was applied last.
  const codings = contentEncoding.toLowerCase().split(',').reverse();
  const steps = codings.flatMap((coding) => unpackers.get(coding.trim())?.() ?? []);
  let content: Readable = body;
  for (const step of steps) content = pipeline(content, step, () => undefined);
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

/** `deflate` is zlib's format by its name, and gzip's at some servers; both are told apart. */
const unpackers: ReadonlyMap<string, () => Transform> = new Map([
  ['gzip', createUnzip],
  ['x-gzip', createUnzip],
  ['deflate', createUnzip],
  ['br', createBrotliDecompress],
]);

const isOfCoding = (error: unknown): boolean =>
  /^(Z_|ERR__ERROR_|ERR_BROTLI)/.test(String((error as { code?: unknown }).code));
