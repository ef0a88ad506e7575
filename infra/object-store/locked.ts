/**
 * Objects that nobody can remove or replace before a date: S3 Object Lock. What is asked for is
 * looked at afterwards, since a store that does not know the lock may ignore it.
 */
import { hash } from 'node:crypto';
import {
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { StartError } from '../start-error.js';
import { deadlineMs, withinMs, type S3 } from './client.js';
import { statusOf } from './failures.js';

export interface ObjectLock {
  /** Nobody can end the first before its time; whoever has a right for it can end the second. */
  readonly mode: 'COMPLIANCE' | 'GOVERNANCE';
  readonly until: Date;
}

/** Throws `StartError` for a bucket whose objects cannot be locked. */
export async function expectObjectLock({ client, bucket: Bucket }: S3): Promise<void> {
  const command = new GetObjectLockConfigurationCommand({ Bucket });
  const found = await withinMs(deadlineMs(), (abortSignal) =>
    client.send(command, { abortSignal }).catch((error: Error) => {
      if (Object.hasOwn(without, error.name)) return error.name as keyof typeof without;
      throw error;
    }),
  );
  const isLockable =
    typeof found === 'object' && found.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled';
  if (isLockable) return;
  const what = typeof found === 'string' ? found : 'ObjectLockConfigurationNotFoundError';
  throw new StartError(without[what](Bucket));
}

/** Answers of a store that can be used, by what they mean. */
const without = {
  ObjectLockConfigurationNotFoundError: (bucket: string) =>
    `The bucket ${bucket} has no object lock, so that what is kept there could be removed: name ` +
    'one that was made with it.',
  NoSuchBucket: (bucket: string) => `There is no bucket ${bucket}.`,
};

/** An object that has the name stays. Throws `StartError` where the store does not lock it. */
export async function putLocked(
  { client, bucket: Bucket }: S3,
  Key: string,
  Body: Buffer,
  { mode, until }: ObjectLock,
): Promise<void> {
  const put = new PutObjectCommand({
    Bucket,
    Key,
    Body,
    ContentType: 'application/json',
    ContentMD5: hash('md5', Body, 'base64'),
    IfNoneMatch: '*',
    ObjectLockMode: mode,
    ObjectLockRetainUntilDate: until,
  });
  await withinMs(deadlineMs(Body.length), (abortSignal) =>
    client.send(put, { abortSignal }).catch((error: unknown) => {
      if (statusOf(error) !== 412) throw error;
    }),
  );
  const head = new HeadObjectCommand({ Bucket, Key });
  const kept = await withinMs(deadlineMs(), (abortSignal) => client.send(head, { abortSignal }));
  if (kept.ObjectLockMode !== undefined && kept.ObjectLockRetainUntilDate !== undefined) return;
  throw new StartError(
    `The store keeps ${Key} in the bucket ${Bucket} without a lock, or the keys may not see it ` +
      '(s3:GetObjectRetention).',
  );
}

const LISTED = 100;
const PAGES_MAX = 20;
const BYTES_MAX = 64 * 1024;

/**
 * Every version of the first name with a prefix, also of one that is hidden by a mark of deletion.
 * None where there is no such name.
 */
export async function firstVersions(s3: S3, Prefix: string): Promise<readonly string[]> {
  const { client, bucket: Bucket } = s3;
  let after: { readonly KeyMarker?: string; readonly VersionIdMarker?: string } = {};
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const command = new ListObjectVersionsCommand({ Bucket, Prefix, MaxKeys: LISTED, ...after });
    const page = await withinMs(deadlineMs(), (abortSignal) =>
      client.send(command, { abortSignal }),
    );
    const [first, ...others] = page.Versions ?? [];
    if (first) {
      const versions = [first, ...others].filter(({ Key }) => Key === first.Key);
      return Promise.all(versions.map(({ Key, VersionId }) => textOf(s3, Key, VersionId)));
    }
    if (!page.IsTruncated) return [];
    const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page;
    after = {
      ...(KeyMarker !== undefined && { KeyMarker }),
      ...(VersionIdMarker !== undefined && { VersionIdMarker }),
    };
  }
  throw new StartError(`Too many marks of deletion hide what is kept in the bucket ${Bucket}.`);
}

async function textOf(
  { client, bucket: Bucket }: S3,
  Key: string | undefined,
  VersionId: string | undefined,
): Promise<string> {
  const Range = `bytes=0-${BYTES_MAX}`;
  const command = new GetObjectCommand({ Bucket, Key, VersionId, Range });
  const text = await withinMs(deadlineMs(BYTES_MAX), async (abortSignal) => {
    const { Body } = await client.send(command, { abortSignal });
    return (await Body?.transformToString()) ?? '';
  });
  if (text.length <= BYTES_MAX) return text;
  throw new StartError(`${Key} in the bucket ${Bucket} is larger than any of ours.`);
}
