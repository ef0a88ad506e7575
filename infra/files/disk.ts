/** Stored forms of files on a local disk: `<dir>/<key>`. */
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openDurableFolder, unless } from './durable-folder.js';
import { filesNamedIn, fileKey } from './key.js';
import { filesWrittenBefore } from './folder-sweep.js';
import type { FileObjects, StoredName } from './objects.js';

export async function openDiskFiles({ dir }: { dir: string }): Promise<FileObjects> {
  const folder = await openDurableFolder(dir);
  const pathOf = (name: StoredName) => join(dir, fileKey(name));
  return {
    async putNew(name, bytes) {
      const put = await folder.putNew(pathOf(name), async (file) => {
        // Each piece is written behind what was written before.
        for await (const piece of bytes) await file.writeFile(piece);
        return {};
      });
      return put !== undefined;
    },
    async open(name, range) {
      const file = await open(pathOf(name), 'r').catch(unless('ENOENT'));
      return file?.createReadStream(range && { start: range.start, end: range.end });
    },
    size: async (name) => (await stat(pathOf(name)).catch(unless('ENOENT')))?.size,
    remove: (name) => rm(pathOf(name), { force: true }),
    linkTo: async () => undefined,
    async *writtenBefore(ms) {
      for await (const page of filesWrittenBefore(dir, ms)) {
        const ids = filesNamedIn(page);
        if (ids.length > 0) yield ids;
      }
    },
    removeUnfinished: (beforeMs) => folder.removeUnfinished(beforeMs),
  };
}
