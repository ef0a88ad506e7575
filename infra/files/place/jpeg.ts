/**
 * JPEG (ITU-T T.81 B.1): application data and comments are blanked, but for what a decoder needs:
 * JFIF, colour profiles, the index of several pictures, and how Adobe means its colours. Pictures
 * behind the first one have Exif of their own, which is found by its signature.
 */
import type { ByteSource } from '../byte-source.js';
import { orientationOnly } from './exif.js';
import { blanked, checkCount, type Patch } from './patches.js';

export async function jpegPatches(source: ByteSource): Promise<readonly Patch[]> {
  const patches: Patch[] = [];
  const scan = await headPatches(source, patches);
  await restPatches(source, scan, patches);
  return patches;
}

const SEGMENTS_MAX = 10_000;

/** Up to the first scan; says where that begins. */
async function headPatches(source: ByteSource, patches: Patch[]): Promise<number> {
  let at = 2;
  for (let n = 0; n < SEGMENTS_MAX; n += 1) {
    const head = await source.read(at, at + 4);
    if (head.length < 4 || head[0] !== 0xff) return at;
    const marker = head[1] as number;
    if (marker === 0xff) at += 1;
    else if (standsAlone(marker)) at += 2;
    else {
      const end = at + 2 + head.readUInt16BE(2);
      if (marker === SCAN) return end;
      const patch = isAbout(marker) ? await segmentPatch(source, marker, at + 4, end) : undefined;
      if (patch) patches.push(patch);
      at = end;
    }
  }
  return at;
}

const SCAN = 0xda;
const COMMENT = 0xfe;
const EXIF_SEGMENT = 0xe1;

const standsAlone = (marker: number): boolean =>
  marker === 0x01 || (marker >= 0xd0 && marker <= 0xd9);

const isAbout = (marker: number): boolean =>
  (marker >= 0xe0 && marker <= 0xef) || marker === COMMENT;

/** By marker, how the segments begin that stay. */
const NEEDED: ReadonlyMap<number, readonly string[]> = new Map([
  [0xe0, ['JFIF\0', 'JFXX\0']],
  [0xe2, ['ICC_PROFILE\0', 'MPF\0']],
  [0xee, ['Adobe']],
]);

const EXIF = 'Exif\0\0';

async function segmentPatch(
  source: ByteSource,
  marker: number,
  start: number,
  end: number,
): Promise<Patch | undefined> {
  const content = await source.read(start, end);
  const begins = (words: string) => content.toString('latin1', 0, words.length) === words;
  if (NEEDED.get(marker)?.some(begins)) return undefined;
  if (marker !== EXIF_SEGMENT || !begins(EXIF)) return blanked(start, end);
  const tiff = orientationOnly(content.subarray(EXIF.length));
  const head = tiff.length > 0 ? Buffer.concat([Buffer.from(EXIF, 'latin1'), tiff]) : tiff;
  return blanked(start, end, head);
}

/** Segments that may stand behind the first scan, by how they begin. */
const FOUND_BY: readonly string[] = [EXIF, 'http://ns.adobe.com/x', 'Photoshop 3.0\0'];

const WINDOW_BYTES = 256 * 1024;
const OVERLAP_BYTES = 64;

/** Coded data has no marker of application data: 0xff is followed by 0 or a restart there. */
async function restPatches(source: ByteSource, from: number, patches: Patch[]): Promise<void> {
  for (let at = from; at < source.sizeBytes; at += WINDOW_BYTES - OVERLAP_BYTES) {
    const bytes = await source.read(at, at + WINDOW_BYTES);
    checkCount(patches);
    for (const words of FOUND_BY)
      for (
        let i = bytes.indexOf(words, 0, 'latin1');
        i >= 0;
        i = bytes.indexOf(words, i + 1, 'latin1')
      )
        if (i >= 4 && bytes[i - 4] === 0xff && isAbout(bytes[i - 3] as number))
          patches.push(blanked(at + i, at + i - 2 + bytes.readUInt16BE(i - 2)));
  }
}
