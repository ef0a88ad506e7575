/**
 * Forms by which others post an object into the bucket themselves: S3's POST policy, whose bounds
 * the store checks. Whatever a form does not name, a sender may not add.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { unavailable } from './failures.js';

export interface PostForm {
  readonly url: string;
  /** Sent as they are, before the field `file`. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface PostBounds {
  readonly key: string;
  readonly sizeBytesMax: number;
  readonly lifeSeconds: number;
}

/** A browser shows nothing of that type, whatever the bytes are. */
const CONTENT_TYPE = 'application/octet-stream';

/** Throws `StoreUnavailable` where there are no credentials to sign with. */
export async function signedPostForm(
  client: S3Client,
  bucket: string,
  { key, sizeBytesMax, lifeSeconds }: PostBounds,
): Promise<PostForm> {
  try {
    return await createPresignedPost(client, {
      Bucket: bucket,
      Key: key,
      Expires: lifeSeconds,
      Fields: { 'Content-Type': CONTENT_TYPE },
      Conditions: [['content-length-range', 0, sizeBytesMax]],
    });
  } catch (error) {
    throw unavailable(error) ?? error;
  }
}
