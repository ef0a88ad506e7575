/**
 * The size of a picture in pixels, where its header says it.
 *
 * PNG: W3C PNG 5.2, 11.2.2 · JPEG: ITU-T T.81 B.1–B.2 · GIF: GIF89a 17–18 · WebP: RFC 9649.
 */
import type { ByteSource } from './byte-source.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

const HEAD_BYTES = 32;

export async function pictureSize(
  source: ByteSource,
  format: 'png' | 'jpeg' | 'gif' | 'webp',
): Promise<Size | undefined> {
  if (format === 'jpeg') return jpegSize(source);
  const head = await source.read(0, HEAD_BYTES);
  if (format === 'png') return pngSize(head);
  return format === 'gif' ? gifSize(head) : webpSize(head);
}

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

/** No picture has so many segments before its frame; each costs a look at the file. */
const SEGMENTS_MAX = 10_000;

/** Walks the segments up to the frame header, however far into the file it is. */
async function jpegSize(source: ByteSource): Promise<Size | undefined> {
  let at = 2;
  for (let seen = 0; seen < SEGMENTS_MAX; seen++) {
    const head = await source.read(at, at + 9);
    if (head.length < 9 || head[0] !== 0xff) return undefined;
    const marker = head.readUInt8(1);
    if (isFrameHeader(marker)) return { width: head.readUInt16BE(7), height: head.readUInt16BE(5) };
    const isFill = marker === 0xff;
    const standsAlone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
    if (isFill) at += 1;
    else if (standsAlone) at += 2;
    else at += 2 + Math.max(2, head.readUInt16BE(2));
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
