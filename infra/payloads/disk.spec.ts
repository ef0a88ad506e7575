import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesUnder, smallDisk, temporaryFolder } from '../../testing/folders.js';
import type { TemporaryFolder } from '../../testing/folders.js';
import { skip } from '../../testing/skip.js';
import { openMemoryDataKeys } from '../data-keys/testing/memory.js';
import { StoreUnavailable } from '../event-store/port.js';
import { sweepableContract } from '../files/testing/sweepable-contract.js';
import { payloadName } from './key.js';
import type { PayloadStore } from './port.js';
import { openSealedPayloads } from './sealed.js';
import { payloadOf, payloadsContract, refOf } from './testing/contract.js';
import { openDiskPayloads } from './disk.js';

payloadsContract('disk', async () => {
  const folder = await temporaryFolder();
  const payloads = openSealedPayloads(openMemoryDataKeys(), await openDiskPayloads(folder));
  return { payloads, close: () => folder.remove() };
});

sweepableContract('payloads on disk', async () => {
  const folder = await temporaryFolder();
  const store = await openDiskPayloads(folder);
  return { store, put: () => putInto(store), close: () => folder.remove() };
});

async function putInto(store: PayloadStore): Promise<string> {
  const payload = payloadOf(randomBytes(10));
  await store.put(payload);
  return payloadName(payload.ref);
}

describe('payloads on disk', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  it('keeps them over a restart, as files in two levels of folders inside its own', async () => {
    const payload = payloadOf(randomBytes(70_000), '../../outside');
    await (await openDiskPayloads(folder)).put(payload);
    const files = await filesUnder(folder.dir);
    expect(files).to.have.length(1);
    expect(files[0]).to.match(/^([0-9a-f]{2})\/([0-9a-f]{2})\/\1\2[0-9a-f]{60}$/);
    const again = await openDiskPayloads(folder);
    expect((await again.get(refOf(payload)))?.equals(payload.bytes)).to.equal(true);
  });

  it('throws for a file that was damaged', async () => {
    const payloads = openSealedPayloads(openMemoryDataKeys(), await openDiskPayloads(folder));
    const payload = payloadOf(randomBytes(1_000), 'exec_1/input/0');
    await payloads.put(payload);
    const [file] = await filesUnder(folder.dir);
    await appendFile(join(folder.dir, file ?? ''), 'x');
    const thrown = await payloads.get(refOf(payload)).catch((error: unknown) => error);
    expect(String(thrown)).to.equal('Error: the payload exec_1/input/0 is not as it was stored');
  });

  it('sweeps what crashed writers left, and spares who may still be writing', async () => {
    const incoming = join(folder.dir, 'incoming');
    await mkdir(incoming);
    for (const name of ['old', 'new']) await writeFile(join(incoming, name), 'half');
    const longAgo = new Date(Date.now() - 3_600_000);
    await utimes(join(incoming, 'old'), longAgo, longAgo);
    await openDiskPayloads(folder);
    expect(await filesUnder(folder.dir)).to.deep.equal(['incoming/new']);
  });

  it('goes on when somebody removed its folders', async () => {
    const payloads = await openDiskPayloads(folder);
    const payload = payloadOf(randomBytes(100));
    await payloads.put(payload);
    const [file] = await filesUnder(folder.dir);
    await rm(join(folder.dir, file?.slice(0, 2) ?? ''), { recursive: true });
    expect(await payloads.get(refOf(payload))).to.equal(undefined);
    await payloads.put(payload).catch(() => undefined);
    await payloads.put(payload);
    expect(await readFile(join(folder.dir, file ?? ''))).to.deep.equal(payload.bytes);
  });

  it('says that no space is left, leaves nothing half written, and recovers', async function () {
    const disk = await smallDisk(512 * 1024);
    if (!disk) return skip(this, 'no file system can be mounted here');
    try {
      const payloads = await openDiskPayloads(disk);
      const [fits, tooMuch] = [payloadOf(randomBytes(300_000)), payloadOf(randomBytes(300_000))];
      await payloads.put(fits);
      const thrown = await payloads.put(tooMuch).catch((error: unknown) => error);
      expect(thrown).to.be.instanceOf(StoreUnavailable);
      expect(await filesUnder(disk.dir)).to.have.length(1);
      expect(await payloads.get(refOf(tooMuch))).to.equal(undefined);
      await payloads.remove(fits.ref);
      await payloads.put(tooMuch);
      expect((await payloads.get(refOf(tooMuch)))?.equals(tooMuch.bytes)).to.equal(true);
    } finally {
      await disk.remove();
    }
  });
});
