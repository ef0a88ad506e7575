import { expect } from 'chai';
import fc from 'fast-check';
import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { DataKey } from '../data-keys/port.js';
import { chunkCipher, decrypted, encrypted, keyIdIn, newHeader } from './chunk-cipher.js';
import {
  CHUNK_BYTES,
  chunksOf,
  HEADER_BYTES,
  lastChunkIn,
  offsetOf,
  plainSizeOf,
  STORED_CHUNK_BYTES,
} from './chunk-layout.js';
import { FileDamaged } from './errors.js';
import { fileId, streamOf } from './testing/contract.js';

const dataKey = (): DataKey => ({
  id: randomUUID(),
  organizationId: `org_${randomUUID()}`,
  version: 1,
  secret: createSecretKey(randomBytes(32)),
});

const WHOLE = { first: 0, last: Infinity };

/** Around the sizes where the last chunk is full, or just not. */
const sizes = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES];

async function stored(plain: Buffer, key = dataKey(), id = fileId()) {
  const header = newHeader(key);
  const cipher = chunkCipher(key, header, id);
  const bytes = await buffer(encrypted(streamOf(plain), header, cipher));
  const read = (body: Buffer, range = WHOLE) =>
    buffer(decrypted(streamOf(body, 7_001), cipher, range));
  return { key, id, header, cipher, bytes, body: bytes.subarray(HEADER_BYTES), read };
}

const thrownBy = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a file in encrypted chunks', () => {
  for (const size of [...sizes, 300_001])
    it(`gives back ${size} bytes, and says of the stored ones how many they are`, async () => {
      const plain = randomBytes(size);
      const { bytes, body, read, key } = await stored(plain);
      expect((await read(body)).equals(plain)).to.equal(true);
      const chunks = Math.max(1, Math.ceil(size / CHUNK_BYTES));
      expect(bytes.length).to.equal(HEADER_BYTES + size + 16 * chunks);
      expect(plainSizeOf(bytes.length)).to.equal(size);
      expect(lastChunkIn(bytes.length)).to.equal(chunks - 1);
      expect(keyIdIn(bytes.subarray(0, HEADER_BYTES))).to.equal(key.id);
      if (size > 32) expect(bytes.includes(plain.subarray(0, 32))).to.equal(false);
    });

  it('reads any range from the chunks that hold it', async () => {
    const plain = randomBytes(3 * CHUNK_BYTES + 17);
    const { bytes, read } = await stored(plain);
    const at = fc.oneof(
      fc.nat(plain.length - 1),
      fc.constantFrom(0, CHUNK_BYTES - 1, CHUNK_BYTES, 2 * CHUNK_BYTES, plain.length - 1),
    );
    await fc.assert(
      fc.asyncProperty(at, at, async (one, other) => {
        const range = { start: Math.min(one, other), end: Math.max(one, other) };
        const chunks = chunksOf(range);
        const part = bytes.subarray(chunks.stored.start, chunks.stored.end + 1);
        const whole = await read(part, chunks);
        const asked = whole.subarray(chunks.before, chunks.before + chunks.sizeBytes);
        expect(asked.equals(plain.subarray(range.start, range.end + 1))).to.equal(true);
        expect(part.length).to.be.at.most(
          (chunks.last - chunks.first + 1) * STORED_CHUNK_BYTES + 1,
        );
      }),
      { numRuns: 100 },
    );
  });

  it('is found out by any bit that is not as it was written', async () => {
    const size = fc.oneof(fc.constantFrom(...sizes), fc.nat(2 * CHUNK_BYTES));
    await fc.assert(
      fc.asyncProperty(size, fc.nat(), fc.nat(7), async (bytes, where, bit) => {
        const { body, read } = await stored(randomBytes(bytes));
        const at = where % body.length;
        body.writeUInt8(body.readUInt8(at) ^ (1 << bit), at);
        expect(await thrownBy(read(body))).to.be.instanceOf(FileDamaged);
      }),
      { numRuns: 60 },
    );
  });

  it('is found out by any cut, and by anything behind its end', async () => {
    const { body, read } = await stored(randomBytes(2 * CHUNK_BYTES + 5));
    const cuts = [0, 1, 15, 16, STORED_CHUNK_BYTES, 2 * STORED_CHUNK_BYTES, body.length - 1];
    for (const cut of cuts)
      expect(await thrownBy(read(body.subarray(0, cut))), `${cut}`).to.be.instanceOf(FileDamaged);
    for (const more of [Buffer.alloc(1), body.subarray(0, STORED_CHUNK_BYTES), body])
      expect(await thrownBy(read(Buffer.concat([body, more])))).to.be.instanceOf(FileDamaged);
  });

  it('is found out where its last chunk is empty though others are before it', async () => {
    const { body, cipher, read } = await stored(randomBytes(CHUNK_BYTES));
    const first = cipher.encrypt(0, false, cipher.decrypt(0, true, body));
    const forged = Buffer.concat([first, cipher.encrypt(1, true, Buffer.alloc(0))]);
    expect(await thrownBy(read(forged))).to.be.instanceOf(FileDamaged);
  });

  it('is found out by chunks that are swapped, repeated, left out or another file’s', async () => {
    const key = dataKey();
    const one = await stored(randomBytes(3 * CHUNK_BYTES), key);
    const other = await stored(randomBytes(3 * CHUNK_BYTES), key);
    const chunk = (body: Buffer, index: number) =>
      body.subarray(index * STORED_CHUNK_BYTES, (index + 1) * STORED_CHUNK_BYTES);
    const [a, b, c] = [chunk(one.body, 0), chunk(one.body, 1), chunk(one.body, 2)];
    const forged = [
      [b, a, c],
      [a, a, c],
      [a, c],
      [b, c],
      [a, chunk(other.body, 1), c],
    ];
    for (const chunks of forged)
      expect(await thrownBy(one.read(Buffer.concat(chunks)))).to.be.instanceOf(FileDamaged);
  });

  it('opens with its own key, header and id alone', async () => {
    const plain = randomBytes(100);
    const { key, id, header, body } = await stored(plain);
    const readWith = (of: DataKey, by: Buffer, as = id) =>
      buffer(decrypted(streamOf(body), chunkCipher(of, by, as), WHOLE));
    expect((await readWith(key, header)).equals(plain)).to.equal(true);
    const saltBit = Buffer.from(header);
    saltBit.writeUInt8(header.readUInt8(HEADER_BYTES - 1) ^ 1, HEADER_BYTES - 1);
    for (const [of, by, as] of [
      [{ ...key, secret: dataKey().secret }, header, id],
      [{ ...key, organizationId: `org_${randomUUID()}` }, header, id],
      [key, newHeader(key), id],
      [key, saltBit, id],
      [key, header, fileId()],
    ] as const)
      expect(await thrownBy(readWith(of, by, as))).to.be.instanceOf(FileDamaged);
  });

  it('names its key in a header of this format alone', () => {
    const header = newHeader(dataKey());
    for (let at = 0; at < 12; at += 1) {
      const other = Buffer.from(header);
      other.writeUInt8(header.readUInt8(at) ^ 1, at);
      expect(keyIdIn(other)).to.equal(undefined);
    }
    expect(keyIdIn(header.subarray(1))).to.equal(undefined);
    expect(() => newHeader({ id: 'key' })).to.throw('not a UUID');
  });

  it('is never written twice alike', async () => {
    const [key, id, plain] = [dataKey(), fileId(), randomBytes(100)];
    const [one, two] = [await stored(plain, key, id), await stored(plain, key, id)];
    expect(one.body.equals(two.body)).to.equal(false);
  });

  it('holds one chunk at a time, however long it is', async () => {
    const [key, id] = [dataKey(), fileId()];
    const header = newHeader(key);
    const cipher = chunkCipher(key, header, id);
    let ahead = 0;
    let aheadMax = 0;
    const piece = randomBytes(CHUNK_BYTES);
    function* long() {
      for (let index = 0; index < 200; index += 1) {
        aheadMax = Math.max(aheadMax, (ahead += 1));
        yield piece;
      }
    }
    const source = Readable.from(long(), { objectMode: true, highWaterMark: 1 });
    const form = encrypted(source, header, cipher);
    await form.next(); // the header
    let count = 0;
    for await (const plain of decrypted(form, cipher, WHOLE)) {
      expect(plain.equals(piece)).to.equal(true);
      ahead -= 1;
      count += 1;
    }
    expect(count).to.equal(200);
    expect(aheadMax).to.be.at.most(5);
  });

  it('knows where its chunks are', () => {
    expect(chunksOf({ start: 0, end: 0 }).stored).to.deep.equal({ start: 64, end: offsetOf(1) });
    expect(chunksOf({ start: CHUNK_BYTES, end: 2 * CHUNK_BYTES })).to.deep.equal({
      first: 1,
      last: 2,
      stored: { start: 64 + STORED_CHUNK_BYTES, end: 64 + 3 * STORED_CHUNK_BYTES },
      before: 0,
      sizeBytes: CHUNK_BYTES + 1,
    });
    for (const cut of [0, 10, HEADER_BYTES, HEADER_BYTES + 10])
      expect(plainSizeOf(cut)).to.equal(0);
  });
});
