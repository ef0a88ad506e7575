/** WebP (RFC 9649): chunks that a decoder does not need are blanked. */
import type { ByteSource } from '../byte-source.js';
import { orientationOnly } from './exif.js';
import { BLANK, blanked, type Patch } from './patches.js';

const NEEDED = new Set(['VP8 ', 'VP8L', 'VP8X', 'ALPH', 'ANIM', 'ANMF', 'ICCP']);

const CHUNKS_MAX = 100_000;
const HEADER_BYTES = 12;
const EXIF = 'Exif\0\0';

export async function webpPatches(source: ByteSource): Promise<readonly Patch[]> {
  const patches: Patch[] = [];
  let at = HEADER_BYTES;
  for (let n = 0; n < CHUNKS_MAX; n += 1) {
    const head = await source.read(at, at + 8);
    if (head.length < 8) break;
    const type = head.toString('latin1', 0, 4);
    const start = at + 8;
    const bytes = head.readUInt32LE(4);
    const end = Math.min(start + bytes, source.sizeBytes);
    if (type === 'EXIF') patches.push(blanked(start, end, await exifOf(source, start, end)));
    else if (!NEEDED.has(type))
      patches.push(blanked(start, end, undefined, type === 'XMP ' ? BLANK : 0));
    at = start + bytes + (bytes % 2);
  }
  return patches;
}

/** Some writers put the name of Exif before it, as JPEG has it. */
async function exifOf(source: ByteSource, start: number, end: number): Promise<Buffer> {
  const content = await source.read(start, end);
  const isNamed = content.toString('latin1', 0, EXIF.length) === EXIF;
  return orientationOnly(isNamed ? content.subarray(EXIF.length) : content);
}
