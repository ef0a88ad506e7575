/** Reads a file that is stored encrypted: its header, and of its chunks those asked for. */
import { Readable } from 'node:stream';
import type { FileId } from '../../contracts/ids.js';
import type { DataKeys } from '../data-keys/port.js';
import { chunkCipher, decrypted, keyIdIn, type ChunkCipher } from './chunk-cipher.js';
import { chunksOf, HEADER_BYTES, lastChunkIn, offsetOf, type ChunkRange } from './chunk-layout.js';
import { FileDamaged } from './errors.js';
import type { FileObjects } from './objects.js';
import type { ByteRange } from './port.js';

interface Encrypted {
  readonly objects: Pick<FileObjects, 'open' | 'size'>;
  readonly keys: Pick<DataKeys, 'keyOf'>;
}

/** Undefined where there is none, and once its key was destroyed. */
export async function openEncrypted(
  stores: Encrypted,
  id: FileId,
  range?: ByteRange,
): Promise<Readable | undefined> {
  const chunks = range ? chunksOf(range) : WHOLE;
  const isFromStart = chunks.first === 0;
  const begun = await begin(
    stores,
    id,
    isFromStart ? { ...chunks.stored, start: 0 } : HEADER_RANGE,
  );
  if (!begun) return undefined;
  const { stream, rest, cipher } = begun;
  if (isFromStart && !(cipher instanceof FileDamaged))
    return bytesOf(stream, sliced(decrypted(rest, cipher, chunks), chunks));
  stream.destroy();
  return cipher instanceof FileDamaged
    ? Readable.from(broken(cipher), BYTES)
    : openChunks(stores, id, cipher, chunks);
}

/** False once its key was destroyed. What is damaged shows as it is read. */
export async function isReadable(stores: Encrypted, id: FileId): Promise<boolean> {
  const begun = await begin(stores, id, HEADER_RANGE);
  begun?.stream.destroy();
  return begun !== undefined;
}

const HEADER_RANGE: ByteRange = { start: 0, end: HEADER_BYTES - 1 };

const WHOLE = chunksOf({ start: 0, end: Infinity });

const BYTES = { objectMode: false };

/** What is behind the header, and what opens it. */
async function begin({ objects, keys }: Encrypted, id: FileId, range: ByteRange) {
  const stream = await objects.open({ id, form: 'encrypted' }, range);
  if (!stream) return undefined;
  try {
    const { header, rest } = await headerOf(stream);
    const keyId = keyIdIn(header);
    const key = keyId === undefined ? undefined : await keys.keyOf(keyId);
    if (key !== 'erased')
      return { stream, rest, cipher: key ? chunkCipher(key, header, id) : new FileDamaged(id) };
  } catch (error) {
    stream.destroy();
    throw error;
  }
  stream.destroy();
  return undefined;
}

/** Less than a header where the file is cut. */
async function headerOf(stream: Readable) {
  const pieces = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let header: Buffer = Buffer.alloc(0);
  while (header.length < HEADER_BYTES) {
    const piece = await pieces.next();
    if (piece.done) break;
    header = header.length === 0 ? piece.value : Buffer.concat([header, piece.value]);
  }
  const behind = header.subarray(HEADER_BYTES);
  async function* rest(): AsyncGenerator<Buffer> {
    if (behind.length > 0) yield behind;
    yield* { [Symbol.asyncIterator]: () => pieces };
  }
  return { header: header.subarray(0, HEADER_BYTES), rest: rest() };
}

async function openChunks(
  { objects }: Encrypted,
  id: FileId,
  cipher: ChunkCipher,
  chunks: ChunkRange,
): Promise<Readable | undefined> {
  const name = { id, form: 'encrypted' } as const;
  const stream = await objects.open(name, chunks.stored);
  if (!stream) return undefined;
  async function* bytes(source: Readable): AsyncGenerator<Buffer> {
    let isEmpty = true;
    for await (const plain of decrypted(source, cipher, chunks)) {
      isEmpty = false;
      yield plain;
    }
    if (isEmpty) await expectEnd();
  }
  /** The range begins behind the end: behind the file's own, if its last chunk is there. */
  async function expectEnd(): Promise<void> {
    const last = lastChunkIn((await objects.size(name)) ?? 0);
    const end = await objects.open(name, { start: offsetOf(last), end: offsetOf(last + 1) });
    if (!end) throw new FileDamaged(id);
    for await (const _ of decrypted(end, cipher, { first: last, last }));
  }
  return bytesOf(stream, sliced(bytes(stream), chunks));
}

/** The source ends with its reader, also with one that never began to read. */
function bytesOf(source: Readable, bytes: AsyncIterable<Buffer>): Readable {
  return Readable.from(bytes, BYTES).once('close', () => source.destroy());
}

async function* sliced(
  chunks: AsyncIterable<Buffer>,
  { before, sizeBytes }: ChunkRange,
): AsyncGenerator<Buffer> {
  let skipped = before;
  let left = sizeBytes;
  for await (const plain of chunks) {
    const part = plain.subarray(skipped, skipped + left);
    skipped = 0;
    left -= part.length;
    if (part.length > 0) yield part;
  }
}

async function* broken(error: FileDamaged): AsyncGenerator<Buffer> {
  throw error;
}
