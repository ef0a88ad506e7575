/** Files in a bucket: `files/<key>`. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { isId, type FileId } from '../../contracts/ids.js';
import { deadlineMs, withinMs, type S3 } from '../object-store/client.js';
import { isAbsent } from '../object-store/failures.js';
import { readObject } from '../object-store/read.js';
import {
  abortUploadsBegunBefore,
  objectsWrittenBefore,
  removeObject,
} from '../object-store/sweep.js';
import { uploadNew } from '../object-store/upload.js';
import { FileTooLarge } from './errors.js';
import { fileKey } from './key.js';
import type { FileStore, NewFile } from './port.js';
import { storedNow } from './stored.js';

/** Long enough to follow a redirect at once and to go on after a break; nobody should store it. */
const LINK_LIFE_SECONDS = 300;

const PREFIX = 'files/';

export function openS3Files(s3: S3): FileStore {
  const { client, bucket: Bucket, sign } = s3;
  const keyOf = (id: FileId) => `${PREFIX}${fileKey(id)}`;
  const openFile: FileStore['open'] = async (id, range) => {
    if (range && !(range.start >= 0 && range.end >= range.start)) {
      throw new RangeError(`not a range of bytes: ${range.start}-${range.end}`);
    }
    return readObject(s3, keyOf(id), range);
  };
  const putNew: FileStore['putNew'] = async (id, bytes, sizeBytesMax) => {
    try {
      return await put(s3, keyOf(id), bytes, sizeBytesMax);
    } finally {
      bytes.destroy();
    }
  };
  return {
    put: (id, bytes, sizeBytesMax) =>
      storedNow({ open: openFile }, id, putNew(id, bytes, sizeBytesMax)),
    putNew,
    open: openFile,
    size: async (id) => {
      const command = new HeadObjectCommand({ Bucket, Key: keyOf(id) });
      try {
        const send = (abortSignal: AbortSignal) => client.send(command, { abortSignal });
        return (await withinMs(deadlineMs(), send)).ContentLength;
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },
    remove: (id) => removeObject(s3, keyOf(id)),
    async *writtenBefore(ms) {
      for await (const page of objectsWrittenBefore(s3, PREFIX, ms)) {
        const ids = page.map((key) => key.slice(key.lastIndexOf('/') + 1)).filter(isFileId);
        if (ids.length > 0) yield ids;
      }
    },
    removeNamed: (id) => removeObject(s3, keyOf(id)),
    removeUnfinished: (beforeMs) => abortUploadsBegunBefore(s3, PREFIX, beforeMs),
    linkTo: async (id, { contentType, fileName }) =>
      sign?.(
        {
          Key: keyOf(id),
          ResponseContentType: contentType,
          ResponseContentDisposition: `attachment; filename="${fileName}"`,
        },
        LINK_LIFE_SECONDS,
      ),
  };
}

const isFileId = (name: string): name is FileId => isId('file', name);

/** The source's own error is thrown as it is, for the store is not away. */
async function put(s3: S3, key: string, source: Readable, sizeBytesMax: number): Promise<NewFile> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of source as AsyncIterable<Buffer | string>) {
      const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      sizeBytes += part.length;
      if (sizeBytes > sizeBytesMax) throw new FileTooLarge(sizeBytesMax);
      hash.update(part);
      yield part;
    }
  };
  const isNew = await uploadNew(s3, key, counted());
  return { sizeBytes, sha256: hash.digest('hex'), isNew };
}
