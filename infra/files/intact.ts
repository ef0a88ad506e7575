import { createHash } from 'node:crypto';
import { pipeline, Transform, type Readable } from 'node:stream';
import type { StoredFile } from './port.js';

/**
 * The same bytes, broken off before their end when they are not those of the digest: the last of
 * them are held back until all have been seen, so nobody takes a damaged file for a whole one.
 */
export function intactFile(stream: Readable, { sizeBytes, sha256 }: StoredFile): Readable {
  const digest = createHash('sha256');
  let bytes = 0;
  let held: Buffer | undefined;
  const proof = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      digest.update(chunk);
      bytes += chunk.length;
      const before = held;
      held = chunk;
      next(null, before);
    },
    flush(next) {
      if (bytes === sizeBytes && digest.digest('hex') === sha256) next(null, held);
      else next(new Error(`a file of ${sizeBytes} bytes does not match its digest ${sha256}`));
    },
  });
  // An error of the one destroys the other, and so reaches the reader.
  return pipeline(stream, proof, () => undefined);
}
