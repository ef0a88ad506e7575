/** Size and digest of what is stored under an id, by reading all of it. */
import { createHash } from 'node:crypto';
import type { FileId } from '../../contracts/ids.js';
import { StoreUnavailable } from '../event-store/port.js';
import type { FileStore, NewFile, StoredFile } from './port.js';

export async function storedFile(
  files: Pick<FileStore, 'open'>,
  id: FileId,
): Promise<StoredFile | undefined> {
  const stream = await files.open(id);
  if (!stream) return undefined;
  const digest = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    digest.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sizeBytes, sha256: digest.digest('hex') };
}

/** What is stored once something was put. */
export async function storedNow(
  files: Pick<FileStore, 'open'>,
  id: FileId,
  putting: Promise<NewFile>,
): Promise<StoredFile> {
  const { isNew, ...came } = await putting;
  if (isNew) return came;
  const stored = await storedFile(files, id);
  if (!stored) throw new StoreUnavailable(`${id} was removed while it was put`);
  return stored;
}
