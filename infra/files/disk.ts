/** Files on a local disk: `<dir>/<key>`. */
import { createHash } from 'node:crypto';
import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { isId, type FileId } from '../../contracts/ids.js';
import { openDurableFolder, unless } from './durable-folder.js';
import { FileTooLarge } from './errors.js';
import { fileKey } from './key.js';
import { filesWrittenBefore } from './folder-sweep.js';
import type { FileStore, StoredFile } from './port.js';
import { storedNow } from './stored.js';

export async function openDiskFiles({ dir }: { dir: string }): Promise<FileStore> {
  const folder = await openDurableFolder(dir);
  const pathOf = (id: FileId) => join(dir, fileKey(id));
  const openFile: FileStore['open'] = async (id, range) => {
    if (range && !(range.start >= 0 && range.end >= range.start)) {
      throw new RangeError(`not a range of bytes: ${range.start}-${range.end}`);
    }
    const path = pathOf(id);
    const file = await open(path, 'r').catch(unless('ENOENT'));
    return file?.createReadStream(range && { start: range.start, end: range.end });
  };
  const putNew: FileStore['putNew'] = async (id, bytes, sizeBytesMax) => {
    const path = pathOf(id);
    let came: StoredFile | undefined;
    try {
      const write = async (file: FileHandle) => (came = await copy(bytes, file, sizeBytesMax));
      const put = await folder.putNew(path, write);
      if (!came) throw new Error(`${id} was put without being written`);
      return { ...came, isNew: put !== undefined };
    } finally {
      bytes.destroy();
    }
  };
  return {
    put: (id, bytes, sizeBytesMax) =>
      storedNow({ open: openFile }, id, putNew(id, bytes, sizeBytesMax)),
    putNew,
    open: openFile,
    size: async (id) => (await stat(pathOf(id)).catch(unless('ENOENT')))?.size,
    remove: (id) => rm(pathOf(id), { force: true }),
    linkTo: async () => undefined,
    async *writtenBefore(ms) {
      for await (const page of filesWrittenBefore(dir, ms)) {
        const ids = page.filter(isFileId);
        if (ids.length > 0) yield ids;
      }
    },
    removeNamed: (id) => rm(pathOf(id), { force: true }),
    removeUnfinished: (beforeMs) => folder.removeUnfinished(beforeMs),
  };
}

/** Writes until the source ends, and says how much it was and its digest. */
async function copy(source: Readable, file: FileHandle, sizeBytesMax: number): Promise<StoredFile> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer | string>) {
    const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    sizeBytes += part.length;
    if (sizeBytes > sizeBytesMax) throw new FileTooLarge(sizeBytesMax);
    hash.update(part);
    await file.writeFile(part); // behind what was written before
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

const isFileId = (name: string): name is FileId => isId('file', name);
