/**
 * Files: what callers download. Streamed, never held whole in memory.
 *
 * An implementer promises: `put` is atomic and durable when it resolves (a crash in the middle
 * leaves nothing under the id); what is stored under an id stays, so that no digest in the log is
 * ever proved wrong by a repetition; size, digest and ranges are of the bytes that were put,
 * whatever form they are stored in. A file whose organization was erased is none.
 */
import type { Readable } from 'node:stream';
import type { FileId, OrganizationId } from '../../contracts/ids.js';
import type { Sweepable } from '../sweepable.js';

export interface StoredFile {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface NewFile extends StoredFile {
  /** False where something was there before, which stays. */
  readonly isNew: boolean;
}

/** Both ends inclusive, as in RFC 9110. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface SavedAs {
  readonly contentType: string;
  /** Letters, digits, `.`, `_` and `-`. */
  readonly fileName: string;
}

/** Every verb throws `StoreUnavailable` while the store is away or full. */
export interface FileStore extends Sweepable<FileId> {
  /** Throws `OwnerErased` where nothing of its organization is kept any more. */
  put(
    id: FileId,
    owner: OrganizationId,
    bytes: Readable,
    sizeBytesMax: number,
  ): Promise<StoredFile>;
  /** The same, but it answers with what came, and whether that is what is stored now. */
  putNew(
    id: FileId,
    owner: OrganizationId,
    bytes: Readable,
    sizeBytesMax: number,
  ): Promise<NewFile>;
  /** The stream breaks with `FileDamaged` where the store has other bytes than were put. */
  open(id: FileId, range?: ByteRange): Promise<Readable | undefined>;
  size(id: FileId): Promise<number | undefined>;
  remove(id: FileId): Promise<void>;
  /**
   * A URL by which its holder may fetch the file for some minutes without asking us, to save it and
   * not to show it; undefined where only we can give it.
   */
  linkTo(id: FileId, as: SavedAs): Promise<string | undefined>;
}
