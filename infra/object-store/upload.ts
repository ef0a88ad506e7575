/**
 * A stream of unknown length as one object: a single request when it fits into one part, else a
 * multipart upload with a bounded number of parts in memory. Every request carries the digest of
 * its bytes, which the store compares. The object is there, whole, when it resolves; what was there
 * before stays. Parts of a process that was killed are swept (sweep.ts).
 */
import { hash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailable } from '../event-store/port.js';
import { deadlineMs, withinMs, type S3 } from './client.js';
import { statusOf } from './failures.js';

const PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 2;
/** Putting the parts together is a copy for some stores. */
const COMPLETE_MS = 20_000;

/** False when an object was there before. */
export async function uploadNew(
  s3: S3,
  key: string,
  source: AsyncIterable<Buffer>,
): Promise<boolean> {
  const parts = partsOf(source);
  const first = await parts.next();
  const bytes = first.done ? Buffer.alloc(0) : first.value;
  if (bytes.length < PART_BYTES) return putNew(s3, key, bytes);
  const { client, bucket: Bucket } = s3;
  const object = { Bucket, Key: key };
  const { UploadId } = await withinMs(deadlineMs(), (abortSignal) =>
    client.send(new CreateMultipartUploadCommand(object), { abortSignal }),
  );
  const begun = { ...object, UploadId };
  try {
    const Parts = await sendParts(s3, begun, bytes, parts);
    const complete = { ...begun, MultipartUpload: { Parts }, IfNoneMatch: '*' };
    await withinMs(COMPLETE_MS, (abortSignal) =>
      client.send(new CompleteMultipartUploadCommand(complete), { abortSignal }),
    );
    return true;
  } catch (error) {
    // Should this fail too, the first reason is thrown.
    await withinMs(deadlineMs(), (abortSignal) =>
      client.send(new AbortMultipartUploadCommand(begun), { abortSignal }),
    ).catch(() => undefined);
    if (statusOf(error) === 412) return false;
    if (statusOf(error) === 409) throw new StoreUnavailable(`${key} is written by another`, error);
    throw error;
  }
}

/** Several writers of one name wait for one another at the store. */
const TRIES_MAX = 10;
const PAUSE_MS = 50;

/** False when an object was there before. */
export async function putNew(s3: S3, Key: string, Body: Buffer): Promise<boolean> {
  const { client, bucket: Bucket } = s3;
  for (let tries = 1; tries <= TRIES_MAX; tries++)
    try {
      const put = { Bucket, Key, Body, ...digestOf(Body), IfNoneMatch: '*' };
      await withinMs(deadlineMs(Body.length), (abortSignal) =>
        client.send(new PutObjectCommand(put), { abortSignal }),
      );
      return true;
    } catch (error) {
      if (statusOf(error) === 412) return false;
      // Another writer is just putting it, and may yet fail.
      if (statusOf(error) !== 409) throw error;
      await sleep(PAUSE_MS);
    }
  throw new StoreUnavailable(`${Key} is written by too many at once`);
}

/** In the place of an object that has the name. */
export async function putOver(
  { client, bucket: Bucket }: S3,
  Key: string,
  Body: Buffer,
): Promise<void> {
  const put = { Bucket, Key, Body, ...digestOf(Body) };
  await withinMs(deadlineMs(Body.length), (abortSignal) =>
    client.send(new PutObjectCommand(put), { abortSignal }),
  );
}

interface Begun {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string | undefined;
}

/**
 * So many at most are in memory, with the one that is being read. After a failure nothing is sent
 * any more, and parts in flight are waited for: one that lands behind the abort would stay.
 */
async function sendParts(
  s3: S3,
  begun: Begun,
  first: Buffer,
  rest: AsyncGenerator<Buffer>,
): Promise<CompletedPart[]> {
  const sent: Promise<CompletedPart>[] = [];
  const inFlight = new Set<Promise<unknown>>();
  let failed = false;
  const send = async (bytes: Buffer) => {
    if (failed) await Promise.all(sent);
    const sending = sendPart(s3, begun, sent.length + 1, bytes);
    sent.push(sending);
    const settled = sending.finally(() => inFlight.delete(settled));
    settled.catch(() => (failed = true));
    inFlight.add(settled);
    if (inFlight.size >= PARTS_AT_ONCE) await Promise.race(inFlight);
  };
  try {
    await send(first);
    for await (const bytes of rest) await send(bytes);
    return await Promise.all(sent);
  } catch (error) {
    await Promise.allSettled(sent);
    throw error;
  }
}

async function sendPart(
  { client }: S3,
  begun: Begun,
  PartNumber: number,
  Body: Buffer,
): Promise<CompletedPart> {
  const command = new UploadPartCommand({ ...begun, PartNumber, Body, ...digestOf(Body) });
  const { ETag } = await withinMs(deadlineMs(Body.length), (abortSignal) =>
    client.send(command, { abortSignal }),
  );
  return { PartNumber, ETag };
}

const digestOf = (bytes: Buffer) => ({ ContentMD5: hash('md5', bytes, 'base64') });

/** All of `PART_BYTES` but the last, which is shorter and may be empty only when it is alone. */
async function* partsOf(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (let chunk of source) {
    while (heldBytes + chunk.length >= PART_BYTES) {
      const missing = PART_BYTES - heldBytes;
      yield Buffer.concat([...held, chunk.subarray(0, missing)], PART_BYTES);
      [held, heldBytes] = [[], 0];
      chunk = chunk.subarray(missing);
    }
    if (chunk.length === 0) continue;
    held.push(chunk);
    heldBytes += chunk.length;
  }
  if (heldBytes > 0) yield Buffer.concat(held, heldBytes);
}
