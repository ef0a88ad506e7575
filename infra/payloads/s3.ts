/** Payloads in a bucket: `payloads/<key>`. */
import type { S3 } from '../object-store/client.js';
import { readObject } from '../object-store/read.js';
import {
  abortUploadsBegunBefore,
  objectsWrittenBefore,
  removeObject,
} from '../object-store/sweep.js';
import { putNew } from '../object-store/upload.js';
import { isPayloadName, keyOfName, payloadKey } from './key.js';
import { STORED_BEYOND_MAX, type LargePayloads } from './port.js';

const PREFIX = 'payloads/';

export function openS3Payloads(s3: S3): LargePayloads {
  const keyOf = (ref: string) => `${PREFIX}${payloadKey(ref)}`;
  return {
    put: async ({ ref, bytes }) => void (await putNew(s3, keyOf(ref), bytes)),
    get: async (ref) => {
      const stream = await readObject(s3, keyOf(ref.ref));
      if (!stream) return undefined;
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        size += chunk.length;
        if (size > ref.bytes + STORED_BEYOND_MAX) break;
      }
      return Buffer.concat(chunks);
    },
    remove: (ref) => removeObject(s3, keyOf(ref)),
    async *writtenBefore(ms) {
      for await (const page of objectsWrittenBefore(s3, PREFIX, ms)) {
        const names = page.map((key) => key.slice(key.lastIndexOf('/') + 1)).filter(isPayloadName);
        if (names.length > 0) yield names;
      }
    },
    removeNamed: (name) => removeObject(s3, `${PREFIX}${keyOfName(name)}`),
    removeUnfinished: (beforeMs) => abortUploadsBegunBefore(s3, PREFIX, beforeMs),
  };
}
