/** Where files and large payloads are stored, and in which form, as configuration names it. */
import { join } from 'node:path';
import type { Config, S3Config } from '../infra/config/config.js';
import type { DataKeys } from '../infra/data-keys/port.js';
import { openDiskFiles } from '../infra/files/disk.js';
import { openFileStore } from '../infra/files/file-store.js';
import type { FileStore } from '../infra/files/port.js';
import type { PostedFiles } from '../infra/files/posted-files.js';
import type { S3 } from '../infra/object-store/client.js';
import { openDiskPayloads } from '../infra/payloads/disk.js';
import type { LargePayloads } from '../infra/payloads/port.js';

export interface Files {
  readonly files: FileStore;
  readonly largePayloads: LargePayloads;
  /** Undefined where nothing is posted to the bucket itself. */
  readonly postedFiles: PostedFiles | undefined;
  /** Throws when the store cannot be reached; undefined when it has no server of its own. */
  readonly check: (() => Promise<void>) | undefined;
  close(): Promise<void>;
}

type Configured = Pick<Config, 'dataDir' | 's3' | 'hasDirectUploads' | 'roles'>;

/**
 * `linkKey`, of a process that serves: what the links of files are sealed with. Throws `StartError`
 * when what is configured cannot be used.
 */
export async function openFiles(
  config: Configured,
  keys: DataKeys,
  linkKey?: Buffer,
): Promise<Files> {
  if (config.s3) return inBucket(config, config.s3, keys, linkKey);
  const objects = await openDiskFiles({ dir: join(config.dataDir, 'files') });
  return {
    files: openFileStore({ objects, keys, form: 'encrypted' }),
    largePayloads: await openDiskPayloads({ dir: join(config.dataDir, 'payloads') }),
    postedFiles: undefined,
    check: undefined,
    close: async () => undefined,
  };
}

/** The client is loaded only where it is used: it takes a while. */
async function inBucket(
  { hasDirectUploads, roles }: Configured,
  config: S3Config,
  keys: DataKeys,
  linkKey: Buffer | undefined,
): Promise<Files> {
  const [{ openS3 }, { openS3Files }, { openS3Payloads }] = await Promise.all([
    import('../infra/object-store/client.js'),
    import('../infra/files/s3.js'),
    import('../infra/payloads/s3.js'),
  ]);
  const s3 = await openS3(config);
  // What callers fetch from the bucket itself nobody decrypts for them.
  const form = config.publicEndpoint === undefined ? 'encrypted' : 'plain';
  const files = openFileStore({ objects: openS3Files(s3), keys, form });
  const posting = { s3, keys, files, key: linkKey, isTried: roles.has('command-api') };
  return {
    files,
    largePayloads: openS3Payloads(s3),
    postedFiles: hasDirectUploads ? await postedInBucket(posting, config) : undefined,
    check: () => s3.check(),
    close: async () => s3.close(),
  };
}

interface Posting {
  readonly s3: S3;
  readonly keys: DataKeys;
  readonly files: FileStore;
  readonly key: Buffer | undefined;
  /** Whether the store is asked to take a form: by those that give forms to callers. */
  readonly isTried: boolean;
}

async function postedInBucket(
  { s3, keys, files, key, isTried }: Posting,
  { endpoint }: S3Config,
): Promise<PostedFiles | undefined> {
  const { postForm } = s3;
  if (!postForm || !key) return undefined;
  const [{ openPostedFiles }, { POSTED_PREFIX: prefix }, { expectPostForms }] = await Promise.all([
    import('../infra/files/posted-files.js'),
    import('../infra/files/s3.js'),
    import('../infra/object-store/expect-post-forms.js'),
  ]);
  try {
    if (isTried) await expectPostForms(s3, { endpoint, prefix });
  } catch (error) {
    s3.close();
    throw error;
  }
  return openPostedFiles({ s3, postForm, key, keys, files });
}
