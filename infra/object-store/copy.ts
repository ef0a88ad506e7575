/** Copies an object within the bucket, in the store itself. */
import { CopyObjectCommand } from '@aws-sdk/client-s3';
import { withinMs, type S3 } from './client.js';
import { isAbsent, statusOf } from './failures.js';

/** Some stores copy the bytes. */
const COPY_MS = 20_000;

/**
 * In the place of what has the name. False when the source is not there, or has other bytes than
 * those of the tag.
 */
export async function copyObject(
  { client, bucket: Bucket }: S3,
  from: { readonly key: string; readonly etag?: string },
  to: string,
): Promise<boolean> {
  const command = new CopyObjectCommand({
    Bucket,
    Key: to,
    CopySource: encodeURI(`${Bucket}/${from.key}`),
    CopySourceIfMatch: from.etag,
  });
  try {
    await withinMs(COPY_MS, (abortSignal) => client.send(command, { abortSignal }));
    return true;
  } catch (error) {
    if (isAbsent(error) || statusOf(error) === 412) return false;
    throw error;
  }
}
