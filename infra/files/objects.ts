/**
 * Where the stored forms of files are: as they were put, or encrypted.
 *
 * An implementer promises: `putNew` is atomic and durable when it resolves; what is there under a
 * name stays. Every verb throws `StoreUnavailable` while the store is away or full.
 */
import type { Readable } from 'node:stream';
import type { FileId } from '../../contracts/ids.js';
import type { Sweepable } from '../sweepable.js';
import type { ByteRange, SavedAs } from './port.js';

export type StoredForm = 'plain' | 'encrypted';

export interface StoredName {
  readonly id: FileId;
  readonly form: StoredForm;
}

export interface FileObjects extends Omit<Sweepable<FileId>, 'removeNamed'> {
  /** False where something had the name before, which stays; throws what its source throws. */
  putNew(name: StoredName, bytes: AsyncIterable<Buffer>): Promise<boolean>;
  /** Nothing where the range begins behind the end. */
  open(name: StoredName, range?: ByteRange): Promise<Readable | undefined>;
  size(name: StoredName): Promise<number | undefined>;
  /** Without effect when there is none. */
  remove(name: StoredName): Promise<void>;
  /** As of a `FileStore`, but that it is there is not looked up. */
  linkTo(name: StoredName, as: SavedAs): Promise<string | undefined>;
}
