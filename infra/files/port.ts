/**
 * Files: what callers download. Streamed, never held whole in memory.
 *
 * An implementer promises: `put` is atomic and durable when it resolves (a crash in the middle
 * leaves nothing under the id), size and digest are of the stored bytes, a repeated `put` replaces.
 */
import type { Readable } from 'node:stream';
import type { FileId } from '../../contracts/ids.js';

export interface StoredFile {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Both ends inclusive, as in RFC 9110. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface FileStore {
  put(id: FileId, bytes: Readable, sizeBytesMax: number): Promise<StoredFile>;
  open(id: FileId, range?: ByteRange): Promise<Readable | undefined>;
  size(id: FileId): Promise<number | undefined>;
  remove(id: FileId): Promise<void>;
  /** Where an operator finds the bytes, for the demo's last line. */
  locationOf(id: FileId): string;
}
