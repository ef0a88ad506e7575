/** Stored forms of files in a bucket: `files/<key>`; beside them what is no file yet. */
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { UPLOAD_LEAVE_MS } from '../../contracts/events/file.js';
import type { FileId } from '../../contracts/ids.js';
import { deadlineMs, withinMs, type S3 } from '../object-store/client.js';
import { isAbsent } from '../object-store/failures.js';
import { readObject } from '../object-store/read.js';
import {
  abortUploadsBegunBefore,
  objectsWrittenBefore,
  removeObject,
} from '../object-store/sweep.js';
import { uploadNew } from '../object-store/upload.js';
import { fileKey, filesNamedIn } from './key.js';
import type { FileObjects, StoredName } from './objects.js';

/** Long enough to follow a redirect at once and to go on after a break; nobody should store it. */
const LINK_LIFE_SECONDS = 300;

const PREFIX = 'files/';

/** What callers posted there themselves (posted-files.ts). */
export const POSTED_PREFIX = 'uploads/posted/';
/** Copies of the same that nobody else writes. */
export const HELD_PREFIX = 'uploads/held/';

export const plainKey = (id: FileId): string => `${PREFIX}${fileKey({ id, form: 'plain' })}`;

export function openS3Files(s3: S3): FileObjects {
  const { client, bucket: Bucket, sign } = s3;
  const keyOf = (name: StoredName) => `${PREFIX}${fileKey(name)}`;
  return {
    putNew: (name, bytes) => uploadNew(s3, keyOf(name), bytes),
    open: (name, range) => readObject(s3, keyOf(name), range),
    size: async (name) => {
      const command = new HeadObjectCommand({ Bucket, Key: keyOf(name) });
      try {
        const send = (abortSignal: AbortSignal) => client.send(command, { abortSignal });
        return (await withinMs(deadlineMs(), send)).ContentLength;
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },
    remove: (name) => removeObject(s3, keyOf(name)),
    async *writtenBefore(ms) {
      for await (const page of objectsWrittenBefore(s3, PREFIX, ms)) {
        const ids = filesNamedIn(page.map((key) => key.slice(key.lastIndexOf('/') + 1)));
        if (ids.length > 0) yield ids;
      }
    },
    async removeUnfinished(beforeMs) {
      await abortUploadsBegunBefore(s3, PREFIX, beforeMs);
      await removeWrittenBefore(s3, HELD_PREFIX, beforeMs);
      // Until then it may have been confirmed, or posted again.
      await removeWrittenBefore(s3, POSTED_PREFIX, beforeMs - UPLOAD_LEAVE_MS);
    },
    linkTo: async (name, { contentType, fileName }) =>
      sign?.(
        {
          Key: keyOf(name),
          ResponseContentType: contentType,
          ResponseContentDisposition: `attachment; filename="${fileName}"`,
        },
        LINK_LIFE_SECONDS,
      ),
  };
}

async function removeWrittenBefore(s3: S3, prefix: string, ms: number): Promise<void> {
  for await (const keys of objectsWrittenBefore(s3, prefix, ms))
    for (const key of keys) await removeObject(s3, key);
}
