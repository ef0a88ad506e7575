/** What files are over their stored forms, whatever store those are in. */
import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { openMemoryDataKeys } from '../data-keys/testing/memory.js';
import { StoreUnavailable } from '../event-store/port.js';
import { STORED_CHUNK_BYTES } from './chunk-layout.js';
import { FileDamaged, OwnerErased } from './errors.js';
import { openFileStore } from './file-store.js';
import type { FileObjects, StoredForm, StoredName } from './objects.js';
import type { ByteRange, FileStore } from './port.js';
import { contentOf, fileId, owner, streamOf } from './testing/contract.js';
import { openMemoryFiles } from './testing/memory.js';

const BYTES = randomBytes(300_000);
const as = { contentType: 'image/png', fileName: 'a.png' };

const thrownBy = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('files over their stored forms', () => {
  let objects: FileObjects;
  let keys: ReturnType<typeof openMemoryDataKeys>;
  let asked: { readonly name: StoredName; readonly range: ByteRange | undefined }[];
  beforeEach(() => {
    const memory = openMemoryFiles();
    asked = [];
    objects = {
      ...memory,
      linkTo: async ({ id, form }) => `https://bucket.example/${id}/${form}`,
      open: async (name, range) => {
        asked.push({ name, range });
        return memory.open(name, range);
      },
    };
    keys = openMemoryDataKeys();
  });
  const writing = (form: StoredForm): FileStore => openFileStore({ objects, keys, form });
  const put = async (form: StoredForm, bytes: Buffer = BYTES) => {
    const id = fileId();
    await writing(form).put(id, owner, streamOf(bytes), bytes.length);
    return id;
  };

  for (const [was, is] of [
    ['plain', 'encrypted'],
    ['encrypted', 'plain'],
  ] as const) {
    it(`reads, keeps and removes what was written ${was} before it writes ${is}`, async () => {
      const [id, files] = [await put(was), writing(is)];
      expect(await files.size(id)).to.equal(BYTES.length);
      expect((await contentOf(files, id))?.equals(BYTES)).to.equal(true);
      const part = await contentOf(files, id, { start: 70_000, end: 140_000 });
      expect(part?.equals(BYTES.subarray(70_000, 140_001))).to.equal(true);
      const other = randomBytes(100);
      const came = await files.putNew(id, owner, streamOf(other), 100);
      expect([came.sizeBytes, came.isNew]).to.deep.equal([100, false]);
      expect((await files.put(id, owner, streamOf(other), 100)).sizeBytes).to.equal(BYTES.length);
      const names: string[] = [];
      for await (const page of files.writtenBefore(Date.now() + 1)) names.push(...page);
      expect(names).to.deep.equal([id]);
      await files.removeNamed(id);
      expect(await writing(was).size(id)).to.equal(undefined);
    });
  }

  it('gives links to plain files alone, and only where these are written', async () => {
    const [plain, encrypted] = [await put('plain'), await put('encrypted')];
    const files = writing('plain');
    expect(await files.linkTo(plain, as)).to.equal(`https://bucket.example/${plain}/plain`);
    expect(await files.linkTo(encrypted, as)).to.equal(undefined);
    expect(await writing('encrypted').linkTo(plain, as)).to.equal(undefined);
  });

  it('reads of an encrypted file its header and the chunks of the range', async () => {
    const id = await put('encrypted');
    asked = [];
    await contentOf(writing('encrypted'), id, { start: 140_000, end: 140_009 });
    const bytes = asked.map(({ range }) => (range ? range.end - range.start + 1 : Infinity));
    expect(bytes).to.deep.equal([64, STORED_CHUNK_BYTES + 1]);
    asked = [];
    await contentOf(writing('encrypted'), id, { start: 0, end: 9 });
    expect(asked.map(({ range }) => range)).to.deep.equal([
      { start: 0, end: 64 + STORED_CHUNK_BYTES },
    ]);
  });

  it('knows nothing of the files of an organization that was erased, and takes none', async () => {
    const id = await put('encrypted');
    await keys.destroy(owner);
    const files = writing('encrypted');
    expect(await files.size(id)).to.equal(undefined);
    expect(await files.open(id)).to.equal(undefined);
    expect(await files.open(id, { start: 100_000, end: 100_001 })).to.equal(undefined);
    for (const form of ['plain', 'encrypted'] as const) {
      const source = streamOf(BYTES);
      const thrown = await thrownBy(writing(form).put(fileId(), owner, source, BYTES.length));
      expect(thrown).to.be.instanceOf(OwnerErased);
      expect(source.destroyed).to.equal(true);
    }
    await files.remove(id);
    expect(await objects.size({ id, form: 'encrypted' })).to.equal(undefined);
  });

  it('keeps nothing plain that came while its organization was erased', async () => {
    const id = fileId();
    async function* erasing() {
      yield BYTES;
      await keys.destroy(owner);
    }
    const thrown = await thrownBy(
      writing('plain').put(id, owner, Readable.from(erasing()), BYTES.length),
    );
    expect(thrown).to.be.instanceOf(OwnerErased);
    expect(await objects.size({ id, form: 'plain' })).to.equal(undefined);
  });

  it('breaks where the stored bytes are cut, changed, or another file’s', async () => {
    const [id, other] = [await put('encrypted'), await put('encrypted')];
    const name = { id, form: 'encrypted' } as const;
    const whole = async (of: StoredName) => buffer((await objects.open(of)) ?? Readable.from([]));
    const stored = await whole(name);
    const changed = Buffer.from(stored);
    changed.writeUInt8(stored.readUInt8(200_000) ^ 1, 200_000);
    const shapes = {
      'its header is cut': stored.subarray(0, 30),
      'its header is another’s': Buffer.concat([Buffer.alloc(64), stored.subarray(64)]),
      'it is cut within a chunk': stored.subarray(0, 200_000),
      'it is cut between chunks': stored.subarray(0, 64 + 3 * STORED_CHUNK_BYTES),
      'a bit is another': changed,
      'it is another file': await whole({ ...name, id: other }),
    };
    const files = writing('encrypted');
    for (const [what, bytes] of Object.entries(shapes)) {
      await objects.remove(name);
      await objects.putNew(name, streamOf(bytes));
      expect(await thrownBy(contentOf(files, id)), what).to.be.instanceOf(FileDamaged);
      const part = contentOf(files, id, { start: 199_000, end: 210_000 });
      expect(await thrownBy(part), what).to.be.instanceOf(FileDamaged);
    }
  });

  it('breaks where the key is not there, and says an outage where nothing is known', async () => {
    const id = await put('encrypted');
    const lost = openFileStore({ objects, keys: openMemoryDataKeys(), form: 'encrypted' });
    expect(await thrownBy(contentOf(lost, id))).to.be.instanceOf(FileDamaged);
    const away = async () => {
      throw new StoreUnavailable('the database is away');
    };
    const files = openFileStore({ objects, keys: { keyFor: away, keyOf: away }, form: 'plain' });
    expect(await thrownBy(files.open(id))).to.be.instanceOf(StoreUnavailable);
    expect(await thrownBy(files.size(id))).to.be.instanceOf(StoreUnavailable);
  });

  it('ends the reading of the store with its reader, also with one that read nothing', async () => {
    const id = await put('encrypted');
    const opened: Readable[] = [];
    const inner = objects;
    const open: FileObjects['open'] = async (name, range) => {
      const stream = await inner.open(name, range);
      if (stream) opened.push(stream);
      return stream;
    };
    objects = { ...inner, open };
    const files = writing('encrypted');
    for (const range of [undefined, { start: 0, end: 10 }, { start: 70_000, end: 80_000 }])
      (await files.open(id, range))?.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    expect(opened).to.have.length(4);
    for (const stream of opened) expect(stream.destroyed).to.equal(true);
  });
});
