/**
 * Where the bytes of an encrypted file are in its stored form:
 *
 *   header (64 bytes) │ chunk 0 (64 KB + tag) │ chunk 1 │ … │ last chunk (≤ 64 KB + tag)
 *
 * The last chunk is empty only where the file is.
 */
import type { ByteRange } from './port.js';

export const HEADER_BYTES = 64;
export const CHUNK_BYTES = 64 * 1024;
export const TAG_BYTES = 16;
export const STORED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;

/** How many bytes a file has that takes so many; what was cut has fewer than it should. */
export function plainSizeOf(storedBytes: number): number {
  const body = storedBytes - HEADER_BYTES;
  const chunks = Math.ceil(body / STORED_CHUNK_BYTES);
  return Math.max(0, body - chunks * TAG_BYTES);
}

/** The chunks that hold a range of a file's bytes, and what of them is not in the range. */
export interface ChunkRange {
  readonly first: number;
  readonly last: number;
  /**
   * In the stored form, with one byte behind the last chunk where there is one: the last chunk of a
   * file is encrypted otherwise than all before it.
   */
  readonly stored: ByteRange;
  /** How many bytes of the first chunk are before the range. */
  readonly before: number;
  readonly sizeBytes: number;
}

export function chunksOf({ start, end }: ByteRange): ChunkRange {
  const first = Math.floor(start / CHUNK_BYTES);
  const last = Math.floor(end / CHUNK_BYTES);
  return {
    first,
    last,
    stored: { start: offsetOf(first), end: offsetOf(last + 1) },
    before: start - first * CHUNK_BYTES,
    sizeBytes: end - start + 1,
  };
}

/** Of the last chunk of a file that takes so many bytes. */
export const lastChunkIn = (storedBytes: number): number =>
  Math.max(0, Math.ceil((storedBytes - HEADER_BYTES) / STORED_CHUNK_BYTES) - 1);

export const offsetOf = (chunk: number): number => HEADER_BYTES + chunk * STORED_CHUNK_BYTES;
