import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesUnder, smallDisk, temporaryFolder } from '../../testing/folders.js';
import type { TemporaryFolder } from '../../testing/folders.js';
import { skip } from '../../testing/skip.js';
import { StoreUnavailable } from '../event-store/port.js';
import { sweepableContract } from './testing/sweepable-contract.js';
import type { FileStore } from './port.js';
import type { FileId } from '../../contracts/ids.js';
import { fileId, filesContract, owner, streamOf } from './testing/contract.js';
import { encryptedFiles } from './testing/encrypted.js';
import { openMemoryFiles } from './testing/memory.js';
import { openDiskFiles } from './disk.js';

filesContract('memory', async () => ({ objects: openMemoryFiles(), close: async () => undefined }));

filesContract('disk', async () => {
  const folder = await temporaryFolder();
  return { objects: await openDiskFiles(folder), close: () => folder.remove() };
});

sweepableContract('files on disk', async () => {
  const folder = await temporaryFolder();
  const store = await openFiles(folder);
  return { store, put: () => putInto(store), close: () => folder.remove() };
});

const openFiles = async (folder: { readonly dir: string }): Promise<FileStore> =>
  encryptedFiles(await openDiskFiles(folder));

async function putInto(store: FileStore): Promise<FileId> {
  const id = fileId();
  await store.put(id, owner, streamOf(Buffer.from('bytes')), 100);
  return id;
}

describe('files on disk', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  it('lie where it says, and nothing lies beside them', async () => {
    const [files, id] = [await openFiles(folder), fileId()];
    await files.put(id, owner, streamOf(Buffer.from('bytes')), 100);
    await files.put(fileId(), owner, streamOf(Buffer.from('bytes')), 2).catch(() => undefined);
    const uuid = id.slice('file_'.length);
    const path = join(uuid.slice(0, 2), uuid.slice(2, 4), `${id}.enc`);
    expect(await filesUnder(folder.dir)).to.deep.equal([path]);
  });

  it('have names of ours alone, and half written ones have none', async () => {
    const [files, id] = [await openFiles(folder), fileId()];
    await files.put(id, owner, streamOf(Buffer.from('bytes')), 100);
    const beside = join(folder.dir, id.slice(5, 7), id.slice(7, 9));
    await writeFile(join(beside, 'notes.txt'), 'somebody’s');
    await writeFile(join(folder.dir, 'incoming', fileId()), 'half');
    const names: string[] = [];
    for await (const page of files.writtenBefore(Date.now() + 60_000)) names.push(...page);
    expect(names).to.deep.equal([id]);
    await files.removeUnfinished(Date.now() + 60_000);
    const left = (await filesUnder(folder.dir)).map((path) => path.split('/').at(-1)).sort();
    expect(left).to.deep.equal([`${id}.enc`, 'notes.txt'].sort());
  });

  it('sweeps what crashed puts left, and spares who may still be writing', async () => {
    const incoming = join(folder.dir, 'incoming');
    await mkdir(incoming);
    for (const name of ['old', 'new']) await writeFile(join(incoming, name), 'half');
    const longAgo = new Date(Date.now() - 3_600_000);
    await utimes(join(incoming, 'old'), longAgo, longAgo);
    await openDiskFiles(folder);
    expect(await filesUnder(folder.dir)).to.deep.equal(['incoming/new']);
  });

  it('says that no space is left, leaves nothing half written, and recovers', async function () {
    const disk = await smallDisk(512 * 1024);
    if (!disk) return skip(this, 'no file system can be mounted here');
    try {
      const [files, first, second] = [await openFiles(disk), fileId(), fileId()];
      const bytes = randomBytes(300_000);
      await files.put(first, owner, streamOf(bytes), bytes.length);
      const thrown = await files
        .put(second, owner, streamOf(bytes), bytes.length)
        .catch((error: unknown) => error);
      expect(thrown).to.be.instanceOf(StoreUnavailable);
      expect(await filesUnder(disk.dir)).to.have.length(1);
      await files.remove(first);
      await files.put(second, owner, streamOf(bytes), bytes.length);
      expect(await files.size(second)).to.equal(bytes.length);
    } finally {
      await disk.remove();
    }
  });
});
