/**
 * Files over their stored forms. New ones are written in one form; what is there in the other is
 * read as well: files of releases that knew no encryption, and those that were written before
 * configuration changed.
 */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { FileId, OrganizationId } from '../../contracts/ids.js';
import type { DataKeys } from '../data-keys/port.js';
import { chunkCipher, encrypted, newHeader } from './chunk-cipher.js';
import { plainSizeOf } from './chunk-layout.js';
import { isReadable, openEncrypted } from './encrypted-file.js';
import { FileTooLarge, OwnerErased } from './errors.js';
import type { FileObjects, StoredForm } from './objects.js';
import type { FileStore, StoredFile } from './port.js';
import { storedNow } from './stored.js';

interface FileStoreOptions {
  readonly objects: FileObjects;
  readonly keys: Pick<DataKeys, 'keyFor' | 'keyOf'>;
  /** The form in which files are written. */
  readonly form: StoredForm;
}

export function openFileStore({ objects, keys, form }: FileStoreOptions): FileStore {
  const otherForm: StoredForm = form === 'plain' ? 'encrypted' : 'plain';
  const forms = [form, otherForm] as const;
  const remove = async (id: FileId): Promise<void> => {
    await Promise.all(forms.map((each) => objects.remove({ id, form: each })));
  };
  const open: FileStore['open'] = async (id, range) => {
    if (range && !(range.start >= 0 && range.end >= range.start))
      throw new RangeError(`not a range of bytes: ${range.start}-${range.end}`);
    for (const each of forms) {
      const stored = { id, form: each };
      const stream =
        each === 'plain'
          ? await objects.open(stored, range)
          : await openEncrypted({ objects, keys }, id, range);
      if (stream) return stream;
    }
    return undefined;
  };
  /** What came plain while its owner was erased is not under the key that was destroyed. */
  const expectOwner = async (id: FileId, owner: OrganizationId): Promise<void> => {
    if ((await keys.keyFor(owner)) !== 'erased') return;
    await remove(id);
    throw new OwnerErased(owner);
  };
  const putNew: FileStore['putNew'] = async (id, owner, source, sizeBytesMax) => {
    try {
      const counted = countedBytes(source, sizeBytesMax);
      const isThere = (await objects.size({ id, form: otherForm })) !== undefined;
      if (isThere) for await (const _ of counted.bytes);
      const stored = isThere ? undefined : await storedForm({ keys, form }, id, owner, counted);
      const isNew = stored !== undefined && (await objects.putNew({ id, form }, stored));
      if (isNew && form === 'plain') await expectOwner(id, owner);
      return { ...counted.total(), isNew };
    } finally {
      source.destroy();
    }
  };
  return {
    put: (id, owner, bytes, sizeBytesMax) =>
      storedNow({ open }, id, putNew(id, owner, bytes, sizeBytesMax)),
    putNew,
    open,
    async size(id) {
      for (const each of forms) {
        const bytes = await objects.size({ id, form: each });
        if (bytes === undefined) continue;
        if (each === 'plain') return bytes;
        return (await isReadable({ objects, keys }, id)) ? plainSizeOf(bytes) : undefined;
      }
      return undefined;
    },
    remove,
    async linkTo(id, as) {
      if (form === 'encrypted') return undefined;
      const plain = { id, form };
      // One that was written encrypted is read through us.
      return (await objects.size(plain)) === undefined ? undefined : objects.linkTo(plain, as);
    },
    writtenBefore: (ms) => objects.writtenBefore(ms),
    removeNamed: remove,
    removeUnfinished: (beforeMs) => objects.removeUnfinished(beforeMs),
  };
}

interface Counted {
  readonly bytes: AsyncIterable<Buffer>;
  /** Of what was read; asked once, at the end. */
  total(): StoredFile;
}

/** They break with `FileTooLarge` where more come. */
function countedBytes(source: Readable, sizeBytesMax: number): Counted {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  async function* bytes(): AsyncGenerator<Buffer> {
    for await (const piece of source as AsyncIterable<Buffer | string>) {
      const part = typeof piece === 'string' ? Buffer.from(piece) : piece;
      sizeBytes += part.length;
      if (sizeBytes > sizeBytesMax) throw new FileTooLarge(sizeBytesMax);
      hash.update(part);
      yield part;
    }
  }
  return { bytes: bytes(), total: () => ({ sizeBytes, sha256: hash.digest('hex') }) };
}

async function storedForm(
  { keys, form }: Pick<FileStoreOptions, 'keys' | 'form'>,
  id: FileId,
  owner: OrganizationId,
  { bytes }: Counted,
): Promise<AsyncIterable<Buffer>> {
  const key = await keys.keyFor(owner);
  if (key === 'erased') throw new OwnerErased(owner);
  if (form === 'plain') return bytes;
  const header = newHeader(key);
  return encrypted(bytes, header, chunkCipher(key, header, id));
}
