/** Stored forms of files in a bucket: `files/<key>`. */
import { HeadObjectCommand } from '@aws-sdk/client-s3';
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
    removeUnfinished: (beforeMs) => abortUploadsBegunBefore(s3, PREFIX, beforeMs),
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
