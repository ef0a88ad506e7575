/** Files of exports in a folder of this machine, or of a volume that all processors see. */
import { join } from 'node:path';
import { openDurableFolder } from '../files/durable-folder.js';
import type { ExportSink } from './port.js';

export async function openFolderSink(dir: string): Promise<ExportSink> {
  const folder = await openDurableFolder(dir);
  return {
    put: (name, bytes) => folder.put(join(dir, name), (file) => file.writeFile(bytes)),
    close: () => undefined,
  };
}
