/**
 * Files encrypted in chunks that can be read one by one (ADR 64): the STREAM construction over
 * AES-256-GCM, under a key of the file's own.
 *
 *   key of the file = HKDF-SHA-256(data key, salt, organization + file id + header without salt)
 *   nonce of a chunk = its index (11 bytes, big endian), and 1 for the last one, else 0
 *
 * The salt is new for each stored form, so no key meets two contents, and no nonce repeats under a
 * key. A chunk of another file, place, organization or version of the key does not open.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { FileId } from '../../contracts/ids.js';
import type { DataKey } from '../data-keys/port.js';
import { CHUNK_BYTES, HEADER_BYTES, STORED_CHUNK_BYTES, TAG_BYTES } from './chunk-layout.js';
import { FileDamaged } from './errors.js';

/** Opens and closes the chunks of one stored form. */
export interface ChunkCipher {
  encrypt(index: number, isLast: boolean, plain: Buffer): Buffer;
  /** Throws `FileDamaged`. */
  decrypt(index: number, isLast: boolean, stored: Buffer): Buffer;
}

/** The name of the format, its version, and the size of its chunks. */
const FORMAT = Buffer.from('mrfiles\u0001\u0000\u0001\u0000\u0000', 'latin1');
const KEY_ID_AT = 16;
const SALT_AT = 32;
const INFO = 'modelroute/file/1';
const [ALGORITHM, NONCE_BYTES, KEY_BYTES] = ['aes-256-gcm', 12, 32] as const;

/** The header of a new stored form: `format, zeros │ id of the data key │ salt`. */
export function newHeader({ id }: Pick<DataKey, 'id'>): Buffer {
  const header = Buffer.concat([FORMAT, randomBytes(HEADER_BYTES)], HEADER_BYTES);
  header.fill(0, FORMAT.length, KEY_ID_AT);
  const digits = id.replaceAll('-', '');
  if (header.write(digits, KEY_ID_AT, 'hex') !== 16) throw new Error(`not a UUID: ${id}`);
  return header;
}

/** The id of the data key that it names; undefined for what is no header of this format. */
export function keyIdIn(header: Buffer): string | undefined {
  if (header.length !== HEADER_BYTES || header.indexOf(FORMAT) !== 0) return undefined;
  const digits = header.toString('hex', KEY_ID_AT, SALT_AT);
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

export function chunkCipher(dataKey: DataKey, header: Buffer, fileId: FileId): ChunkCipher {
  const about = Buffer.from(`${INFO} ${dataKey.organizationId} ${fileId} `);
  const info = Buffer.concat([about, header.subarray(0, SALT_AT)]);
  const salt = header.subarray(SALT_AT);
  const key = Buffer.from(hkdfSync('sha256', dataKey.secret, salt, info, KEY_BYTES));
  return {
    encrypt(index, isLast, plain) {
      const cipher = createCipheriv(ALGORITHM, key, nonceOf(index, isLast));
      return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    decrypt(index, isLast, stored) {
      const tagAt = stored.length - TAG_BYTES;
      if (tagAt < 0 || (tagAt === 0 && index > 0)) throw new FileDamaged(fileId);
      const nonce = nonceOf(index, isLast);
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(stored.subarray(tagAt));
      const plain = decipher.update(stored.subarray(0, tagAt));
      try {
        decipher.final();
      } catch (error) {
        throw new FileDamaged(fileId, error); // the tag is of other bytes
      }
      return plain;
    },
  };
}

/** The stored form, header first; what is held is one chunk. */
export async function* encrypted(
  source: AsyncIterable<Buffer>,
  header: Buffer,
  cipher: ChunkCipher,
): AsyncGenerator<Buffer> {
  yield header;
  const held = Buffer.allocUnsafe(CHUNK_BYTES);
  let heldBytes = 0;
  let index = 0;
  for await (const piece of source)
    for (let at = 0; at < piece.length;) {
      // Whether a chunk is the last one shows with the byte behind it.
      if (heldBytes === CHUNK_BYTES) {
        yield cipher.encrypt(index, false, held);
        index += 1;
        heldBytes = 0;
      }
      const copied = piece.copy(held, heldBytes, at);
      heldBytes += copied;
      at += copied;
    }
  yield cipher.encrypt(index, true, held.subarray(0, heldBytes));
}

/**
 * What the chunks from `first` on hold, until `last`, or the end, is reached; nothing where none
 * came. Throws `FileDamaged` before the first byte of a chunk that is not as it was written, and
 * where the source ends before the file does.
 */
export async function* decrypted(
  source: AsyncIterable<Buffer>,
  cipher: ChunkCipher,
  { first, last }: { readonly first: number; readonly last: number },
): AsyncGenerator<Buffer> {
  const held = Buffer.allocUnsafe(STORED_CHUNK_BYTES);
  let heldBytes = 0;
  let index = first;
  for await (const piece of source)
    for (let at = 0; at < piece.length;) {
      if (heldBytes === STORED_CHUNK_BYTES) {
        yield cipher.decrypt(index, false, held);
        if (index === last) return;
        index += 1;
        heldBytes = 0;
      }
      const copied = piece.copy(held, heldBytes, at);
      heldBytes += copied;
      at += copied;
    }
  if (heldBytes > 0 || index > first || first === 0)
    yield cipher.decrypt(index, true, held.subarray(0, heldBytes));
}

function nonceOf(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUInt32BE(index, NONCE_BYTES - 5);
  nonce.writeUInt8(isLast ? 1 : 0, NONCE_BYTES - 1);
  return nonce;
}
