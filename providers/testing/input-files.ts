/** Files of an input as specs of adapters give them. */
import { Readable } from 'node:stream';
import type { InputFile } from '../port.js';

/** With a URL where one is given. */
export const inputFile = (contentType: string, bytes: Buffer, url?: string): InputFile => ({
  contentType,
  sizeBytes: bytes.length,
  bytes: async () => bytes,
  stream: async () => Readable.from([bytes]),
  ...(url !== undefined && { url }),
});
