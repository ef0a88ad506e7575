/** Files in memory, for specs. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FileId } from '../../../contracts/ids.js';
import { FileTooLarge } from '../errors.js';
import { fileKey } from '../key.js';
import type { FileStore } from '../port.js';
import { storedNow } from '../stored.js';

export function openMemoryFiles(): FileStore {
  const stored = new Map<string, Buffer>();
  const open: FileStore['open'] = async (id, range) => {
    const bytes = stored.get(fileKey(id));
    if (!bytes) return undefined;
    return Readable.from([range ? bytes.subarray(range.start, range.end + 1) : bytes]);
  };
  const putNew: FileStore['putNew'] = async (id, source, sizeBytesMax) => {
    const key = fileKey(id);
    const bytes = await wholeOf(source, sizeBytesMax);
    const isNew = !stored.has(key);
    if (isNew) stored.set(key, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { sizeBytes: bytes.length, sha256, isNew };
  };
  return {
    put: (id, bytes, sizeBytesMax) => storedNow({ open }, id, putNew(id, bytes, sizeBytesMax)),
    putNew,
    open,
    size: async (id) => stored.get(fileKey(id))?.length,
    remove: async (id) => void stored.delete(fileKey(id)),
    linkTo: async () => undefined,
    async *writtenBefore() {
      const ids = [...stored.keys()].map((key) => key.slice(key.lastIndexOf('/') + 1) as FileId);
      if (ids.length > 0) yield ids;
    },
    removeNamed: async (id) => void stored.delete(fileKey(id)),
    removeUnfinished: async () => undefined,
  };
}

async function wholeOf(source: Readable, sizeBytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer | string>) {
      chunks.push(Buffer.from(chunk as Buffer));
      bytes += chunk.length;
      if (bytes > sizeBytesMax) throw new FileTooLarge(sizeBytesMax);
    }
  } finally {
    source.destroy();
  }
  return Buffer.concat(chunks);
}
