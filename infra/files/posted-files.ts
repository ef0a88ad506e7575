/**
 * What callers post into the bucket themselves, before it is a file (ADR 72):
 *
 *   uploads/posted/<file>/<secret>   written by whoever has the form, again and again in its hour
 *      └─► uploads/held/<file>/<uuid>   a copy that nobody else writes: what is read, and digested
 *             └─► files/…   once the log says that these bytes are the file's
 *
 * All of it is plain, as what callers fetch from the bucket is.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import type { FileId, OrganizationId } from '../../contracts/ids.js';
import type { DataKeys } from '../data-keys/port.js';
import { deadlineMs, withinMs, type S3 } from '../object-store/client.js';
import { copyObject } from '../object-store/copy.js';
import { isAbsent } from '../object-store/failures.js';
import type { PostForm } from '../object-store/post-form.js';
import { readObject } from '../object-store/read.js';
import { removeObject } from '../object-store/sweep.js';
import { FileGone, OwnerErased } from './errors.js';
import type { FileStore } from './port.js';
import { HELD_PREFIX, plainKey, POSTED_PREFIX } from './s3.js';

/** Every verb throws `StoreUnavailable` while the store is away. */
export interface PostedFiles {
  formFor(id: FileId, sizeBytesMax: number, lifeSeconds: number): Promise<PostForm>;
  /** What lies there now, if anything. */
  find(id: FileId): Promise<PostedFile | undefined>;
  /** Undefined where something else lies there by now, or nothing. */
  hold(posted: PostedFile): Promise<HeldFile | undefined>;
  /** Without effect when there is none; it may be posted again while its form lives. */
  remove(id: FileId): Promise<void>;
}

export interface PostedFile {
  readonly fileId: FileId;
  readonly sizeBytes: number;
  readonly etag: string;
}

/** Bytes that stay as they are. */
export interface HeldFile extends Pick<FileStore, 'open'> {
  /**
   * They are the stored bytes of the file now, in the place of what was stored under its id.
   * Throws `OwnerErased` where nothing of its organization is kept any more.
   */
  keep(owner: OrganizationId): Promise<void>;
  remove(): Promise<void>;
}

interface PostedFilesOptions {
  readonly s3: S3;
  readonly postForm: NonNullable<S3['postForm']>;
  /** What the secrets in the names follow from. */
  readonly key: Buffer;
  readonly keys: Pick<DataKeys, 'keyFor'>;
  readonly files: Pick<FileStore, 'remove'>;
}

export function openPostedFiles(options: PostedFilesOptions): PostedFiles {
  const { s3, postForm, key } = options;
  const nameOf = (id: FileId): string => {
    const secret = createHmac('sha256', key).update(`posted/${id}`).digest('base64url');
    return `${POSTED_PREFIX}${id}/${secret}`;
  };
  return {
    formFor: (id, sizeBytesMax, lifeSeconds) =>
      postForm({ key: nameOf(id), sizeBytesMax, lifeSeconds }),
    find: (id) => found(s3, nameOf(id), id),
    async hold({ fileId, etag }) {
      const held = `${HELD_PREFIX}${fileId}/${randomUUID()}`;
      const isHeld = await copyObject(s3, { key: nameOf(fileId), etag }, held);
      return isHeld ? heldFile(options, fileId, held) : undefined;
    },
    remove: (id) => removeObject(s3, nameOf(id)),
  };
}

async function found(
  { client, bucket: Bucket }: S3,
  Key: string,
  fileId: FileId,
): Promise<PostedFile | undefined> {
  const command = new HeadObjectCommand({ Bucket, Key });
  try {
    const { ContentLength, ETag } = await withinMs(deadlineMs(), (abortSignal) =>
      client.send(command, { abortSignal }),
    );
    if (ContentLength === undefined || ETag === undefined)
      throw new Error(`the S3 store does not say how large ${fileId} is, or has no tag of it`);
    return { fileId, sizeBytes: ContentLength, etag: ETag };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function heldFile({ s3, keys, files }: PostedFilesOptions, fileId: FileId, key: string): HeldFile {
  const expectOwner = async (owner: OrganizationId): Promise<void> => {
    if ((await keys.keyFor(owner)) === 'erased') throw new OwnerErased(owner);
  };
  return {
    open: (_, range) => readObject(s3, key, range),
    async keep(owner) {
      await expectOwner(owner);
      if (!(await copyObject(s3, { key }, plainKey(fileId)))) throw new FileGone(fileId);
      // What came while its owner was erased is not under the key that was destroyed.
      await expectOwner(owner).catch(async (error: unknown) => {
        await files.remove(fileId);
        throw error;
      });
    },
    remove: () => removeObject(s3, key),
  };
}
