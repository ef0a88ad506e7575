/** The bytes of a file, read where they are wanted: a header may be anywhere in it. */
import { buffer } from 'node:stream/consumers';
import {
  AbstractTokenizer,
  EndOfStreamError,
  type IFileInfo,
  type IReadChunkOptions,
} from 'strtok3';
import type { FileId } from '../../contracts/ids.js';
import { FileGone } from './errors.js';
import type { FileStore } from './port.js';

export interface ByteSource {
  readonly sizeBytes: number;
  /** As many of the bytes from `start` as there are before `end` and before the file's own end. */
  read(this: void, start: number, end: number): Promise<Buffer>;
}

/** Of a file that is stored; throws `FileGone` where it is no longer. */
export const bytesInStore = (
  files: Pick<FileStore, 'open'>,
  id: FileId,
  sizeBytes: number,
): ByteSource => ({
  sizeBytes,
  read: async (start, end) => {
    if (start >= Math.min(end, sizeBytes)) return Buffer.alloc(0);
    const stream = await files.open(id, { start, end: Math.min(end, sizeBytes) - 1 });
    if (!stream) throw new FileGone(id);
    return buffer(stream);
  },
});

const PAGE_BYTES = 64 * 1024;
const PAGES_KEPT = 8;

/** Reads whole pages, and keeps the latest few: header after header is a few bytes long. */
export function inPages({ sizeBytes, read }: ByteSource): ByteSource {
  const pages = new Map<number, Promise<Buffer>>();
  const pageAt = (index: number): Promise<Buffer> => {
    const start = index * PAGE_BYTES;
    const page = pages.get(index) ?? read(start, Math.min(start + PAGE_BYTES, sizeBytes));
    pages.delete(index);
    pages.set(index, page);
    for (const oldest of pages.keys()) {
      if (pages.size <= PAGES_KEPT) break;
      pages.delete(oldest);
    }
    return page;
  };
  return {
    sizeBytes,
    async read(start, end) {
      const parts: Buffer[] = [];
      const stop = Math.min(end, sizeBytes);
      for (let at = start; at < stop;) {
        const index = Math.floor(at / PAGE_BYTES);
        const from = at - index * PAGE_BYTES;
        const part = (await pageAt(index)).subarray(from, from + stop - at);
        if (part.length === 0) break;
        parts.push(part);
        at += part.length;
      }
      return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    },
  };
}

/** The same bytes as the libraries want them that read headers. */
export class SourceTokenizer extends AbstractTokenizer {
  readonly fileInfo: IFileInfo;

  constructor(private readonly source: ByteSource) {
    super();
    this.fileInfo = { size: source.sizeBytes };
  }

  supportsRandomAccess(): boolean {
    return true;
  }

  setPosition(position: number): void {
    this.position = position;
  }

  async readBuffer(target: Uint8Array, options?: IReadChunkOptions): Promise<number> {
    const { length, position } = this.normalizeOptions(target, options);
    const count = await this.peekBuffer(target, options);
    this.position = position + Math.min(count, length);
    return count;
  }

  async peekBuffer(target: Uint8Array, options?: IReadChunkOptions): Promise<number> {
    const { length, position, mayBeLess } = this.normalizeOptions(target, options);
    const bytes = await this.source.read(position, position + length);
    if (bytes.length < length && !mayBeLess) throw new EndOfStreamError();
    target.set(bytes);
    return bytes.length;
  }
}
