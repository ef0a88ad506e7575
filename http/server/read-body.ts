/** Reads a request's body, counting while it comes. */
import type { IncomingMessage } from 'node:http';

export const BODY_BYTES_MAX = 1024 * 1024;

/** The caller went away before its request was whole: there is nobody to answer. */
export class HungUp extends Error {}

/** By its own word the body is too large, so that not a byte of it need be read. */
export const announcesTooMuch = ({ headers }: IncomingMessage): boolean =>
  Number(headers['content-length'] ?? 0) > BODY_BYTES_MAX;

/** Undefined when it is larger than `BODY_BYTES_MAX`; the rest is then left to flow away. */
export function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    if (announcesTooMuch(incoming)) {
      resolve(undefined);
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= BODY_BYTES_MAX) {
        chunks.push(chunk);
        return;
      }
      chunks.length = 0;
      resolve(undefined);
    });
    incoming.on('end', () => {
      const [only] = chunks;
      resolve(chunks.length === 1 ? only : Buffer.concat(chunks));
    });
    incoming.on('error', (error) => reject(new HungUp('the caller hung up', { cause: error })));
  });
}
