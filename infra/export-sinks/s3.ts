/** Files of exports as objects of an S3-compatible store. The bucket is somebody else's. */
import type { S3Config } from '../config/config.js';
import { openBucket } from '../object-store/client.js';
import { putOver } from '../object-store/upload.js';
import type { FileStore } from './file-store.js';

/** `prefix`: what the names of all objects begin with; empty where nothing. */
export function openS3Store(config: S3Config, prefix: string): FileStore {
  const s3 = openBucket(config);
  const before = prefix === '' ? '' : `${prefix}/`;
  return {
    put: (name, bytes) => putOver(s3, `${before}${name}`, bytes),
    close: () => s3.close(),
  };
}
