/** Where files and large payloads lie, as configuration names it. */
import { join } from 'node:path';
import type { Config } from './config/config.js';
import { openDiskFiles } from './files/disk.js';
import type { FileStore } from './files/port.js';
import { openDiskPayloads } from './payloads/disk.js';
import type { PayloadStore } from './payloads/port.js';
import { StartError } from './start-error.js';

export interface Files {
  readonly files: FileStore;
  readonly largePayloads: PayloadStore;
  /** Throws when the store cannot be reached; undefined when it has no server of its own. */
  readonly check: (() => Promise<void>) | undefined;
  close(): Promise<void>;
}

export async function openFiles(config: Pick<Config, 'dataDir' | 's3'>): Promise<Files> {
  if (config.s3) throw new StartError('S3_ENDPOINT: not yet');
  return {
    files: await openDiskFiles({ dir: join(config.dataDir, 'files') }),
    largePayloads: await openDiskPayloads({ dir: join(config.dataDir, 'payloads') }),
    check: undefined,
    close: async () => undefined,
  };
}
