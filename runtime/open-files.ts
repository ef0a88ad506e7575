/** Where files and large payloads are stored, and in which form, as configuration names it. */
import { join } from 'node:path';
import type { Config, S3Config } from '../infra/config/config.js';
import type { DataKeys } from '../infra/data-keys/port.js';
import { openDiskFiles } from '../infra/files/disk.js';
import { openFileStore } from '../infra/files/file-store.js';
import type { FileStore } from '../infra/files/port.js';
import { openDiskPayloads } from '../infra/payloads/disk.js';
import type { LargePayloads } from '../infra/payloads/port.js';

export interface Files {
  readonly files: FileStore;
  readonly largePayloads: LargePayloads;
  /** Throws when the store cannot be reached; undefined when it has no server of its own. */
  readonly check: (() => Promise<void>) | undefined;
  close(): Promise<void>;
}

/** Throws `StartError` when what is configured cannot be used. */
export async function openFiles(
  config: Pick<Config, 'dataDir' | 's3'>,
  keys: DataKeys,
): Promise<Files> {
  if (config.s3) return inBucket(config.s3, keys);
  const objects = await openDiskFiles({ dir: join(config.dataDir, 'files') });
  return {
    files: openFileStore({ objects, keys, form: 'encrypted' }),
    largePayloads: await openDiskPayloads({ dir: join(config.dataDir, 'payloads') }),
    check: undefined,
    close: async () => undefined,
  };
}

/** The client is loaded only where it is used: it takes a while. */
async function inBucket(config: S3Config, keys: DataKeys): Promise<Files> {
  const [{ openS3 }, { openS3Files }, { openS3Payloads }] = await Promise.all([
    import('../infra/object-store/client.js'),
    import('../infra/files/s3.js'),
    import('../infra/payloads/s3.js'),
  ]);
  const s3 = await openS3(config);
  return {
    // What callers fetch from the bucket itself nobody decrypts for them.
    files: openFileStore({
      objects: openS3Files(s3),
      keys,
      form: config.publicEndpoint === undefined ? 'encrypted' : 'plain',
    }),
    largePayloads: openS3Payloads(s3),
    check: () => s3.check(),
    close: async () => s3.close(),
  };
}
