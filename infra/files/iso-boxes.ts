/**
 * Size and duration of what ISO 14496-12 boxes hold: MP4, M4A and QuickTime (`moov`), and still
 * pictures as AVIF and HEIC (`meta`). Fragmented files have their duration in `mehd`, in `sidx`, or
 * only in their fragments.
 */
import type { ByteSource } from './byte-source.js';
import type { Measures } from './measures.js';

export interface Box {
  readonly type: string;
  /** Where the four letters of its type are. */
  readonly typeAt: number;
  /** Of what it holds. */
  readonly start: number;
  readonly end: number;
}

export async function boxedMeasures(source: ByteSource): Promise<Measures> {
  const outer = await boxesIn(source, wholeOf(source));
  const moov = outer.find(({ type }) => type === 'moov');
  if (moov) return movieMeasures(source, moov, outer);
  const meta = outer.find(({ type }) => type === 'meta');
  return meta ? stillSize(source, meta) : {};
}

export const wholeOf = ({ sizeBytes: end }: ByteSource): Box => ({
  type: '',
  typeAt: 0,
  start: 0,
  end,
});

/** A file of a million tiny boxes is no film; each costs a look at it. */
const BOXES_MAX = 20_000;

export async function boxesIn(
  source: ByteSource,
  { start, end }: Box,
  skipped = 0,
): Promise<Box[]> {
  const boxes: Box[] = [];
  for (let at = start + skipped; at + 8 <= end && boxes.length < BOXES_MAX;) {
    const head = await source.read(at, at + 16);
    if (head.length < 8) break;
    const short = head.readUInt32BE(0);
    const isLong = short === 1 && head.length === 16;
    const size = isLong ? Number(head.readBigUInt64BE(8)) : short === 0 ? end - at : short;
    const headSize = isLong ? 16 : 8;
    if (size < headSize) break;
    const type = head.toString('latin1', 4, 8);
    boxes.push({ type, typeAt: at + 4, start: at + headSize, end: Math.min(at + size, end) });
    at += size;
  }
  return boxes;
}

/** `mvhd` and `mdhd` begin alike: version, flags, two times, a scale, a duration. */
async function timesOf(source: ByteSource, box: Box | undefined) {
  const bytes = box ? await source.read(box.start, Math.min(box.end, box.start + 32)) : undefined;
  if (!bytes || bytes.length < 20) return { scale: 0, duration: 0 };
  if (bytes[0] === 1 && bytes.length === 32)
    return { scale: bytes.readUInt32BE(20), duration: Number(bytes.readBigUInt64BE(24)) };
  const duration = bytes.readUInt32BE(16);
  return { scale: bytes.readUInt32BE(12), duration: duration === 2 ** 32 - 1 ? 0 : duration };
}

const named = (boxes: readonly Box[], type: string) => boxes.find((box) => box.type === type);

async function movieMeasures(
  source: ByteSource,
  moov: Box,
  outer: readonly Box[],
): Promise<Measures> {
  const inner = await boxesIn(source, moov);
  const { scale, duration } = await timesOf(source, named(inner, 'mvhd'));
  let size: Measures = {};
  let longest = 0;
  for (const trak of inner.filter(({ type }) => type === 'trak')) {
    const parts = await boxesIn(source, trak);
    const seen = await trackSize(source, named(parts, 'tkhd'));
    if (size.width === undefined && seen.width !== undefined) size = seen;
    const mdia = named(parts, 'mdia');
    const inMedia = mdia ? await boxesIn(source, mdia) : [];
    const media = await timesOf(source, named(inMedia, 'mdhd'));
    if (media.scale > 0) longest = Math.max(longest, media.duration / media.scale);
  }
  const stated = scale > 0 ? duration / scale : 0;
  const seconds = stated || longest || (await fragmentSeconds(source, inner, outer, scale));
  return { ...size, durationMs: Math.round(seconds * 1_000) };
}

/** Width and height end the header, as 16.16 numbers; a track of sound has none. */
async function trackSize(source: ByteSource, tkhd: Box | undefined): Promise<Measures> {
  if (!tkhd || tkhd.end - tkhd.start < 84) return {};
  const bytes = await source.read(tkhd.end - 8, tkhd.end);
  if (bytes.length < 8) return {};
  const [width, height] = [bytes.readUInt16BE(0), bytes.readUInt16BE(4)];
  return width > 0 && height > 0 ? { width, height } : {};
}

async function fragmentSeconds(
  source: ByteSource,
  inner: readonly Box[],
  outer: readonly Box[],
  scale: number,
): Promise<number> {
  const mvex = named(inner, 'mvex');
  const mehd = mvex && named(await boxesIn(source, mvex), 'mehd');
  if (mehd && scale > 0) {
    const bytes = await source.read(mehd.start, Math.min(mehd.end, mehd.start + 12));
    if (bytes.length === 12 && bytes[0] === 1) return Number(bytes.readBigUInt64BE(4)) / scale;
    if (bytes.length >= 8) return bytes.readUInt32BE(4) / scale;
  }
  let seconds = 0;
  for (const sidx of outer.filter(({ type }) => type === 'sidx'))
    seconds += await indexedSeconds(source, sidx);
  return seconds;
}

/** A segment index: the durations of its references, each in the scale of the index. */
async function indexedSeconds(source: ByteSource, sidx: Box): Promise<number> {
  const bytes = await source.read(sidx.start, sidx.end);
  const at = bytes[0] === 0 ? 22 : 30;
  if (bytes.length < at + 2) return 0;
  const scale = bytes.readUInt32BE(8);
  const count = bytes.readUInt16BE(at);
  let sum = 0;
  for (let i = 0, from = at + 2; i < count && from + 12 <= bytes.length; i++, from += 12)
    sum += bytes.readUInt32BE(from + 4);
  return scale > 0 ? sum / scale : 0;
}

/** The largest `ispe`: a picture in tiles has one for each tile and one for the whole. */
async function stillSize(source: ByteSource, meta: Box): Promise<Measures> {
  const iprp = named(await boxesIn(source, meta, 4), 'iprp');
  const ipco = iprp && named(await boxesIn(source, iprp), 'ipco');
  let size = { width: 0, height: 0 };
  for (const ispe of ipco ? await boxesIn(source, ipco) : []) {
    if (ispe.type !== 'ispe') continue;
    const bytes = await source.read(ispe.start, ispe.start + 12);
    if (bytes.length < 12) continue;
    const [width, height] = [bytes.readUInt32BE(4), bytes.readUInt32BE(8)];
    if (width * height > size.width * size.height) size = { width, height };
  }
  return size;
}
