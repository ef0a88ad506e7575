/** What every file store must do. */
import { expect } from 'chai';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { FileId, OrganizationId } from '../../../contracts/ids.js';
import { openMemoryDataKeys } from '../../data-keys/testing/memory.js';
import { FileTooLarge } from '../errors.js';
import { openFileStore } from '../file-store.js';
import type { FileObjects } from '../objects.js';
import type { ByteRange, FileStore } from '../port.js';

interface FilesHarness {
  readonly objects: FileObjects;
  close(): Promise<void>;
}

/** Whose the files of specs are. */
export const owner: OrganizationId = 'org_11111111-1111-4111-8111-111111111111';

export const fileId = (): FileId => `file_${randomUUID()}`;

/** A stream of those bytes in pieces of any size. */
export const streamOf = (bytes: Buffer, pieceBytes = 10_000): Readable =>
  Readable.from(pieces(bytes, pieceBytes));

export function filesContract(name: string, open: () => Promise<FilesHarness>): void {
  for (const form of ['plain', 'encrypted'] as const)
    describe(`files contract: ${name}, ${form}`, () => {
      let close: () => Promise<void>;
      let files: FileStore;
      beforeEach(async () => {
        const harness = await open();
        files = openFileStore({ objects: harness.objects, keys: openMemoryDataKeys(), form });
        close = () => harness.close();
      });
      afterEach(() => close());
      const the = () => files;
      storesBytes(the);
      saysWhatCame(the);
      refusesBytes(the);
      opensRanges(the);
    });
}

function storesBytes(the: () => FileStore): void {
  for (const size of [0, 1, 1_000_003]) {
    it(`stores ${size} bytes, and says their size and digest`, async () => {
      const [id, bytes] = [fileId(), randomBytes(size)];
      const stored = await the().put(id, owner, streamOf(bytes), 1_000_003);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      expect(stored).to.deep.equal({ sizeBytes: size, sha256 });
      expect(await the().size(id)).to.equal(size);
      expect((await contentOf(the(), id))?.equals(bytes)).to.equal(true);
    });
  }

  it('knows nothing of a file that was never put, or was removed', async () => {
    const id = fileId();
    expect(await the().open(id)).to.equal(undefined);
    expect(await the().size(id)).to.equal(undefined);
    await the().put(id, owner, streamOf(Buffer.from('bytes')), 100);
    await the().remove(id);
    await the().remove(id);
    expect(await the().open(id)).to.equal(undefined);
    expect(await the().size(id)).to.equal(undefined);
  });

  for (const size of [20, 9_000_000])
    it(`keeps ${size} bytes that were put, and answers with theirs who puts others`, async () => {
      const [id, first] = [fileId(), randomBytes(size)];
      const stored = await the().put(id, owner, streamOf(first, 1_000_000), size);
      for (const other of [randomBytes(10), randomBytes(size), randomBytes(9_500_000)])
        expect(await the().put(id, owner, streamOf(other, 1_000_000), 9_500_000)).to.deep.equal(
          stored,
        );
      expect((await contentOf(the(), id))?.equals(first)).to.equal(true);
      await the().remove(id);
      const second = Buffer.from('the second');
      await the().put(id, owner, streamOf(second), 100);
      expect((await contentOf(the(), id))?.equals(second)).to.equal(true);
    });

  it('keeps one of two that are put at once, and answers both with it', async () => {
    for (let times = 0; times < 5; times += 1) {
      const id = fileId();
      const both = [randomBytes(300_000), randomBytes(200_000)];
      const [one, other] = await Promise.all(
        both.map((bytes) => the().put(id, owner, streamOf(bytes), 300_000)),
      );
      expect(one).to.deep.equal(other);
      const content = await contentOf(the(), id);
      expect(content?.length).to.equal(one?.sizeBytes);
      expect(both.some((bytes) => content?.equals(bytes))).to.equal(true);
    }
  });

  it('shows the file only once it is whole', async () => {
    const [id, bytes] = [fileId(), new Readable({ read: () => undefined })];
    const put = the().put(id, owner, bytes, 100);
    bytes.push('half');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await the().open(id)).to.equal(undefined);
    bytes.push(' and half');
    bytes.push(null);
    await put;
    expect((await contentOf(the(), id))?.toString()).to.equal('half and half');
  });
}

function saysWhatCame(the: () => FileStore): void {
  it('says of what came whether it is what is stored', async () => {
    const [id, first, second] = [fileId(), Buffer.from('the first'), randomBytes(9_000_000)];
    const told = (bytes: Buffer, isNew: boolean) => ({
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      isNew,
    });
    const put = (bytes: Buffer) => the().putNew(id, owner, streamOf(bytes, 1_000_000), 9_000_000);
    expect(await put(first)).to.deep.equal(told(first, true));
    expect(await put(second)).to.deep.equal(told(second, false));
    expect(await put(first)).to.deep.equal(told(first, false));
    expect((await contentOf(the(), id))?.equals(first)).to.equal(true);
  });
}

function refusesBytes(the: () => FileStore): void {
  it('refuses more bytes than allowed, and keeps none', async () => {
    const [id, source] = [fileId(), streamOf(randomBytes(100_001))];
    const thrown = await the()
      .put(id, owner, source, 100_000)
      .catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(FileTooLarge);
    expect(source.destroyed).to.equal(true);
    expect(await the().size(id)).to.equal(undefined);
    await the().put(id, owner, streamOf(randomBytes(100_000)), 100_000);
    expect(await the().size(id)).to.equal(100_000);
  });

  it('throws what the source throws, and keeps what was there before', async () => {
    const id = fileId();
    await the().put(id, owner, streamOf(Buffer.from('before')), 100);
    const thrown = await the()
      .put(id, owner, Readable.from(breaking()), 100)
      .catch((error: unknown) => error);
    expect(String(thrown)).to.equal('Error: connection reset');
    expect((await contentOf(the(), id))?.toString()).to.equal('before');
  });

  it('takes nothing but file ids', async () => {
    const uuid = randomUUID();
    const names = ['', '..', `../file_${uuid}`, `file_${uuid}/..`, `FILE_${uuid}`, `exec_${uuid}`];
    for (const name of names) {
      const id = name as FileId;
      const calls = [
        async () => the().put(id, owner, streamOf(Buffer.from('x')), 100),
        async () => the().open(id),
        async () => the().size(id),
        async () => the().remove(id),
      ];
      for (const call of calls) {
        const thrown = await call().catch((error: unknown) => error);
        expect(thrown, name).to.be.instanceOf(Error);
      }
    }
  });
}

function opensRanges(the: () => FileStore): void {
  it('answers ranges over what it may store apart', async () => {
    const [id, bytes] = [fileId(), randomBytes(200_000)];
    await the().put(id, owner, streamOf(bytes), bytes.length);
    for (const [start, end] of [
      [65_535, 65_536],
      [65_536, 131_071],
      [131_072, 250_000],
    ] as const) {
      const part = await contentOf(the(), id, { start, end });
      expect(part?.equals(bytes.subarray(start, end + 1)), `${start}`).to.equal(true);
    }
    expect((await contentOf(the(), id, { start: 200_000, end: 200_001 }))?.length).to.equal(0);
  });

  const cases: [ByteRange, string][] = [
    [{ start: 0, end: 0 }, '0'],
    [{ start: 2, end: 4 }, '234'],
    [{ start: 9, end: 9 }, '9'],
    [{ start: 7, end: 1_000 }, '789'],
    [{ start: 10, end: 20 }, ''],
  ];
  for (const [range, expected] of cases) {
    it(`answers bytes ${range.start} to ${range.end} of ten`, async () => {
      const id = fileId();
      await the().put(id, owner, streamOf(Buffer.from('0123456789')), 10);
      expect((await contentOf(the(), id, range))?.toString()).to.equal(expected);
    });
  }
}

export async function contentOf(files: FileStore, id: FileId, range?: ByteRange) {
  const stream = await files.open(id, range);
  return stream && buffer(stream);
}

function* pieces(bytes: Buffer, pieceBytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

function* breaking(): Generator<Buffer> {
  yield Buffer.from('half');
  throw new Error('connection reset');
}
