/** Files of exports in a folder of this machine, or of a volume that all processors see. */
import { join } from 'node:path';
import { openDurableFolder } from '../files/durable-folder.js';
import type { FileStore } from './file-store.js';

export async function openFolderStore(dir: string): Promise<FileStore> {
  const folder = await openDurableFolder(dir);
  return {
    put: (name, bytes) => folder.put(join(dir, name), (file) => file.writeFile(bytes)),
    close: () => undefined,
  };
}
