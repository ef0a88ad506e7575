/** The objects of a bucket below a prefix, by age. */
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type ListMultipartUploadsCommandInput,
  type ListMultipartUploadsCommandOutput,
} from '@aws-sdk/client-s3';
import { deadlineMs, withinMs, type S3 } from './client.js';
import { isAbsent } from './failures.js';

/** A page of a thousand names. */
const LIST_MS = deadlineMs() + 8_000;

/** Keys of objects last written before the moment, in pages. */
export async function* objectsWrittenBefore(
  { client, bucket: Bucket }: S3,
  Prefix: string,
  ms: number,
): AsyncGenerator<readonly string[]> {
  let ContinuationToken: string | undefined;
  do {
    const command = new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken });
    const page = await withinMs(LIST_MS, (abortSignal) => client.send(command, { abortSignal }));
    const keys = (page.Contents ?? [])
      .filter(({ LastModified }) => LastModified && LastModified.getTime() < ms)
      .flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
    if (keys.length > 0) yield keys;
    ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (ContinuationToken !== undefined);
}

export async function removeObject({ client, bucket: Bucket }: S3, Key: string): Promise<void> {
  const command = new DeleteObjectCommand({ Bucket, Key });
  await withinMs(deadlineMs(), (abortSignal) => client.send(command, { abortSignal }));
}

type Marker = Pick<ListMultipartUploadsCommandInput, 'KeyMarker' | 'UploadIdMarker'>;

/** Uploads of parts that were begun before the moment: whoever began them is gone. */
export async function abortUploadsBegunBefore(s3: S3, Prefix: string, ms: number): Promise<void> {
  const { client, bucket: Bucket } = s3;
  let marker: Marker | undefined = {};
  while (marker) {
    const command = new ListMultipartUploadsCommand({ Bucket, Prefix, ...marker });
    const page: ListMultipartUploadsCommandOutput = await withinMs(LIST_MS, (abortSignal) =>
      client.send(command, { abortSignal }),
    );
    for (const { Key, UploadId, Initiated } of page.Uploads ?? [])
      if (Initiated && Initiated.getTime() < ms) await abort(s3, Key, UploadId);
    marker = page.IsTruncated
      ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
      : undefined;
  }
}

async function abort(
  { client, bucket: Bucket }: S3,
  Key: string | undefined,
  UploadId: string | undefined,
): Promise<void> {
  const command = new AbortMultipartUploadCommand({ Bucket, Key, UploadId });
  try {
    await withinMs(deadlineMs(), (abortSignal) => client.send(command, { abortSignal }));
  } catch (error) {
    // Completed or aborted meanwhile.
    if (!isAbsent(error) && (error as Error).name !== 'NoSuchUpload') throw error;
  }
}
