import { expect } from 'chai';
import { hash, randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileId } from '../../contracts/ids.js';
import { openMemoryDataKeys } from '../../infra/data-keys/testing/memory.js';
import { contentOf, owner } from '../../infra/files/testing/contract.js';
import { encryptedFiles } from '../../infra/files/testing/encrypted.js';
import { openMemoryPayloads } from '../../infra/payloads/testing/memory.js';
import { temporaryFolder, type TemporaryFolder } from '../../testing/folders.js';
import { blobFile, type Segment } from './archive.js';
import { lineOf, writeLines } from './lines.js';
import { restoreObjects } from './restore-objects.js';

const BYTES = Buffer.from('the bytes of a file');
const sha256 = hash('sha256', BYTES, 'hex');
const { signal } = new AbortController();

describe('restoring the files of an archive', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => {
    folder = await temporaryFolder();
    const blob = join(folder.dir, blobFile(sha256));
    await mkdir(dirname(blob), { recursive: true });
    await writeFile(blob, BYTES);
  });
  afterEach(() => folder.remove());

  /** One file, and the event that names it. */
  async function archived(line: object): Promise<{ fileId: FileId; segment: Segment }> {
    const fileId: FileId = `file_${randomUUID()}`;
    const object = { kind: 'file', file_id: fileId, bytes: BYTES.length, sha256, ...line };
    const { line: event } = lineOf({
      position: 1n,
      stream: `file-${fileId}`,
      revision: 0,
      id: randomUUID(),
      type: 'FileUploaded',
      data: JSON.stringify({ fileId, organizationId: owner }),
      metadata: '{}',
    });
    const log = await writeLines(folder.dir, 'log.gz', once(event));
    const objects = await writeLines(folder.dir, 'objects.gz', once(`${JSON.stringify(object)}\n`));
    const belongings = { ...objects, payloads: 0, files: 1, missing: 0 };
    return { fileId, segment: { log, belongings } as unknown as Segment };
  }

  for (const [name, line] of [
    ['as its line says', { organization_id: owner }],
    ['as the events say, where the archive is older', {}],
  ] as const)
    it(`encrypts each under the key of its owner, ${name}`, async () => {
      const { fileId, segment } = await archived(line);
      const keys = openMemoryDataKeys();
      const files = encryptedFiles(undefined, keys);
      const stores = { payloads: openMemoryPayloads(), files };
      await restoreObjects(folder.dir, segment, stores, signal);
      expect((await contentOf(files, fileId))?.equals(BYTES)).to.equal(true);
      await keys.destroy(owner);
      expect(await files.size(fileId)).to.equal(undefined);
      await restoreObjects(folder.dir, segment, stores, signal);
      expect(await files.size(fileId), 'it stays erased').to.equal(undefined);
    });
});

async function* once(line: string): AsyncGenerator<string> {
  yield line;
}
