/**
 * What a file is, by its first bytes alone. Nothing that anybody declared about it is trusted, and
 * nothing is decoded: a known format is named, its size in pixels read where the header says it.
 *
 * PNG: W3C PNG 5.2, 11.2.2 · JPEG: ITU-T T.81 B.1–B.2 · GIF: GIF89a 17–18 · WebP: RFC 9649 ·
 * WAV: RIFF/WAVE · MP3: ISO 11172-3 2.4.1.3, ID3v2 · MP4: ISO 14496-12 4.3.
 */

interface FileInfo {
  /** Of the content as found. */
  readonly contentType: string;
  readonly format: string;
  /** In pixels; absent for what has none and for a header that says nothing usable. */
  readonly width?: number;
  readonly height?: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Format {
  readonly contentType: string;
  readonly format: string;
  matches(head: Buffer): boolean;
  size?(head: Buffer): Size | undefined;
}

/** `head` are the file's first bytes: 64 KB find the size in every usual file, 32 the format. */
export function inspectFile(head: Buffer): FileInfo | undefined {
  const found = FORMATS.find((known) => known.matches(head));
  if (!found) return undefined;
  const { contentType, format } = found;
  const size = found.size?.(head);
  const usable = size !== undefined && isUsable(size.width) && isUsable(size.height);
  return { contentType, format, ...(usable ? size : {}) };
}

/** A header may say anything; no picture has more, and a field of a PNG holds up to 2³² − 1. */
const PIXELS_MAX = 100_000;

const isUsable = (pixels: number): boolean => pixels > 0 && pixels <= PIXELS_MAX;

const FORMATS: readonly Format[] = [
  {
    contentType: 'image/png',
    format: 'png',
    matches: (head) => head.subarray(0, 8).equals(PNG_SIGNATURE),
    size: pngSize,
  },
  {
    contentType: 'image/jpeg',
    format: 'jpeg',
    matches: (head) => head.length > 3 && head.readUIntBE(0, 3) === 0xffd8ff,
    size: jpegSize,
  },
  {
    contentType: 'image/gif',
    format: 'gif',
    matches: (head) => ['GIF87a', 'GIF89a'].includes(textAt(head, 0, 6)),
    size: gifSize,
  },
  {
    contentType: 'image/webp',
    format: 'webp',
    matches: (head) => textAt(head, 0, 4) === 'RIFF' && textAt(head, 8, 4) === 'WEBP',
    size: webpSize,
  },
  {
    contentType: 'audio/wav',
    format: 'wav',
    matches: (head) => textAt(head, 0, 4) === 'RIFF' && textAt(head, 8, 4) === 'WAVE',
  },
  { contentType: 'audio/mpeg', format: 'mp3', matches: isMp3 },
  {
    contentType: 'video/mp4',
    format: 'mp4',
    // AVIF, HEIC, M4A and QuickTime share the box; the brand says which one it is.
    matches: (head) => textAt(head, 4, 4) === 'ftyp' && MP4_BRANDS.has(textAt(head, 8, 4)),
  },
];

const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

const MP4_BRANDS = new Set(
  'isom iso2 iso3 iso4 iso5 iso6 iso7 iso8 iso9 mp41 mp42 avc1 dash mmp4 M4V M4VP'
    .split(' ')
    .map((brand) => brand.padEnd(4)),
);

const textAt = (head: Buffer, at: number, length: number): string =>
  head.toString('latin1', at, at + length);

function pngSize(head: Buffer): Size | undefined {
  if (head.length < 24 || textAt(head, 12, 4) !== 'IHDR') return undefined;
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}

function gifSize(head: Buffer): Size | undefined {
  if (head.length < 10) return undefined;
  return { width: head.readUInt16LE(6), height: head.readUInt16LE(8) };
}

/** Walks the segments up to the frame header. */
function jpegSize(head: Buffer): Size | undefined {
  let at = 2;
  while (at + 9 <= head.length && head[at] === 0xff) {
    const marker = head.readUInt8(at + 1);
    if (isFrameHeader(marker)) {
      return { width: head.readUInt16BE(at + 7), height: head.readUInt16BE(at + 5) };
    }
    const isFill = marker === 0xff;
    const standsAlone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
    if (isFill) at += 1;
    else if (standsAlone) at += 2;
    else at += 2 + Math.max(2, head.readUInt16BE(at + 2));
  }
  return undefined;
}

/** SOF0–SOF15 without DHT, JPG and DAC, which are among them. */
const isFrameHeader = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

function webpSize(head: Buffer): Size | undefined {
  if (head.length < 30) return undefined;
  const chunk = textAt(head, 12, 4);
  if (chunk === 'VP8X') {
    return { width: head.readUIntLE(24, 3) + 1, height: head.readUIntLE(27, 3) + 1 };
  }
  if (chunk === 'VP8L' && head[20] === 0x2f) {
    const bits = head.readUInt32LE(21);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (chunk === 'VP8 ' && head.readUIntBE(23, 3) === 0x9d012a) {
    return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff };
  }
  return undefined;
}

/** An ID3v2 tag, or a frame header of layer III with a possible bit rate and sampling rate. */
function isMp3(head: Buffer): boolean {
  if (head.length >= 10 && textAt(head, 0, 3) === 'ID3') return true;
  if (head.length < 4) return false;
  const bits = head.readUInt32BE(0);
  const synced = bits >>> 21 === 0x7ff;
  const [version, layer] = [(bits >>> 19) & 3, (bits >>> 17) & 3];
  const [bitRate, samplingRate] = [(bits >>> 12) & 15, (bits >>> 10) & 3];
  const isReserved = version === 1 || bitRate === 0 || bitRate === 15 || samplingRate === 3;
  return synced && layer === 1 && !isReserved;
}
