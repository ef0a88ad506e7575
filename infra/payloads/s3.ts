/** Payloads in a bucket: `payloads/<key>`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { StoreUnavailable } from '../event-store/port.js';
import { deadlineMs, withinMs, type S3 } from '../object-store/client.js';
import { statusOf } from '../object-store/failures.js';
import { readObject } from '../object-store/read.js';
import { putObject } from '../object-store/upload.js';
import { intact } from './intact.js';
import { payloadKey } from './key.js';
import type { PayloadStore } from './port.js';

const TRIES_MAX = 5;
const PAUSE_MS = 100;

export function openS3Payloads(s3: S3): PayloadStore {
  const keyOf = (ref: string) => `payloads/${payloadKey(ref)}`;
  return {
    put: ({ ref, bytes }) => putIfAbsent(s3, keyOf(ref), bytes),
    get: async (ref) => {
      const stream = await readObject(s3, keyOf(ref.ref));
      if (!stream) return undefined;
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        size += chunk.length;
        if (size > ref.bytes) break;
      }
      return intact(ref, Buffer.concat(chunks));
    },
    remove: async (ref) => {
      const command = new DeleteObjectCommand({ Bucket: s3.bucket, Key: keyOf(ref) });
      await withinMs(deadlineMs(), (abortSignal) => s3.client.send(command, { abortSignal }));
    },
  };
}

async function putIfAbsent(s3: S3, key: string, bytes: Buffer): Promise<void> {
  for (let tries = 1; tries <= TRIES_MAX; tries++)
    try {
      return await putObject(s3, key, bytes, { IfNoneMatch: '*' });
    } catch (error) {
      if (statusOf(error) === 412) return; // there already
      // Another writer is just putting it, and may yet fail.
      if (statusOf(error) !== 409) throw error;
      await sleep(PAUSE_MS);
    }
  throw new StoreUnavailable(`${key} is written by too many at once`);
}
