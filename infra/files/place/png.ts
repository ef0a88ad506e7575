/**
 * PNG (W3C PNG 5, 11): chunks that a decoder does not need become private ones of nothing, and what
 * stands behind the end is blanked.
 */
import { crc32 } from 'node:zlib';
import type { ByteSource } from '../byte-source.js';
import { orientationOnly } from './exif.js';
import { blanked, checkCount, type Patch } from './patches.js';

/** Beside the critical ones, whose names begin with a capital. */
const NEEDED = new Set(
  'tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT acTL fcTL fdAT'.split(' '),
);

const CHUNKS_MAX = 1_000_000;
const SIGNATURE_BYTES = 8;

export async function pngPatches(source: ByteSource): Promise<readonly Patch[]> {
  const patches: Patch[] = [];
  let at = SIGNATURE_BYTES;
  for (let n = 0; n < CHUNKS_MAX; n += 1) {
    const head = await source.read(at, at + 8);
    if (head.length < 8) return patches;
    checkCount(patches);
    const type = head.toString('latin1', 4);
    const data = { start: at + 8, end: at + 8 + head.readUInt32BE(0) };
    at = data.end + 4;
    if (type === 'IEND') break;
    if (!/^[A-Z]/.test(type) && !NEEDED.has(type))
      patches.push(...(await chunkPatches(source, type, data)));
  }
  if (at < source.sizeBytes) patches.push(blanked(at, source.sizeBytes));
  return patches;
}

/** Ancillary, private, and of no use. */
const PRIVATE = 'prVt';

async function chunkPatches(
  source: ByteSource,
  type: string,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<readonly Patch[]> {
  const tiff = type === 'eXIf' ? orientationOnly(await source.read(start, end)) : NOTHING;
  const isKept = tiff.length > 0 && tiff.length <= end - start;
  const head = isKept ? Buffer.concat([Buffer.from(type), tiff]) : Buffer.from(PRIVATE);
  const sum = Buffer.alloc(4);
  // Of a chunk that ends behind the file nobody reads a sum.
  const bytes = Math.min(end, source.sizeBytes) - start + 4;
  sum.writeUInt32BE(sumOf(head, bytes - head.length));
  return [blanked(start - 4, end, head), blanked(end, end + 4, sum)];
}

const NOTHING = Buffer.alloc(0);
const ZEROS = Buffer.alloc(64 * 1024);

/** Of the head, and so many zeros behind it. */
function sumOf(head: Buffer, zeros: number): number {
  let sum = crc32(head);
  for (let left = zeros; left > 0; left -= ZEROS.length)
    sum = crc32(ZEROS.subarray(0, Math.min(left, ZEROS.length)), sum);
  return sum;
}
