/** Files in memory, for specs. */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { fileKey, filesNamedIn } from '../key.js';
import type { FileObjects } from '../objects.js';

export function openMemoryFiles(): FileObjects {
  const stored = new Map<string, Buffer>();
  return {
    async putNew(name, bytes) {
      const key = fileKey(name);
      const whole = await buffer(bytes);
      const isNew = !stored.has(key);
      if (isNew) stored.set(key, whole);
      return isNew;
    },
    async open(name, range) {
      const bytes = stored.get(fileKey(name));
      if (!bytes) return undefined;
      return Readable.from([range ? bytes.subarray(range.start, range.end + 1) : bytes]);
    },
    size: async (name) => stored.get(fileKey(name))?.length,
    remove: async (name) => void stored.delete(fileKey(name)),
    linkTo: async () => undefined,
    async *writtenBefore() {
      const ids = filesNamedIn(
        [...stored.keys()].map((key) => key.slice(key.lastIndexOf('/') + 1)),
      );
      if (ids.length > 0) yield ids;
    },
    removeUnfinished: async () => undefined,
  };
}
