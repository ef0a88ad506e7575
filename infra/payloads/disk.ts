/**
 * Payloads on a local disk: `<dir>/<two digits>/<next two>/<SHA-256 of the ref>`, so that no ref,
 * whatever it says, names a file outside.
 */
import { hash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openDurableFolder, unless } from '../files/durable-folder.js';
import { intact } from './intact.js';
import type { PayloadStore } from './port.js';

export async function openDiskPayloads({ dir }: { dir: string }): Promise<PayloadStore> {
  const folder = await openDurableFolder(dir);
  return {
    put: async ({ ref, bytes }) => {
      const path = pathUnder(dir, ref);
      // Writers that race here bring the same bytes: a ref carries their digest.
      if (await folder.has(path)) return;
      await folder.put(path, (file) => file.writeFile(bytes));
    },
    get: async (ref) => {
      const bytes = await readFile(pathUnder(dir, ref.ref)).catch(unless('ENOENT'));
      return bytes && intact(ref, bytes);
    },
    remove: (ref) => rm(pathUnder(dir, ref), { force: true }),
  };
}

function pathUnder(dir: string, ref: string): string {
  const name = hash('sha256', ref, 'hex');
  return join(dir, name.slice(0, 2), name.slice(2, 4), name);
}
