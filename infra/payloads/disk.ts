/** Payloads on a local disk: `<dir>/<key>`. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { filesWrittenBefore } from '../files/folder-sweep.js';
import { openDurableFolder, unless } from '../files/durable-folder.js';
import { isPayloadName, keyOfName, payloadKey } from './key.js';
import type { LargePayloads } from './port.js';

export async function openDiskPayloads({ dir }: { dir: string }): Promise<LargePayloads> {
  const folder = await openDurableFolder(dir);
  const pathOf = (ref: string) => join(dir, payloadKey(ref));
  return {
    put: async ({ ref, bytes }) => {
      const path = pathOf(ref);
      // Writers that race here bring the same bytes: a ref carries their digest.
      if (await folder.has(path)) return;
      await folder.put(path, (file) => file.writeFile(bytes));
    },
    get: (ref) => readFile(pathOf(ref.ref)).catch(unless('ENOENT')),
    remove: (ref) => rm(pathOf(ref), { force: true }),
    async *writtenBefore(ms) {
      for await (const page of filesWrittenBefore(dir, ms)) {
        const names = page.filter(isPayloadName);
        if (names.length > 0) yield names;
      }
    },
    removeNamed: (name) => rm(join(dir, keyOfName(name)), { force: true }),
    removeUnfinished: (beforeMs) => folder.removeUnfinished(beforeMs),
  };
}
