/** The smallest files of each format that say how large or how long they are. */
import { crc32 } from 'node:zlib';
import type { ByteSource } from '../byte-source.js';

export const bytesInMemory = (bytes: Buffer): ByteSource => ({
  sizeBytes: bytes.length,
  read: async (start, end) => bytes.subarray(start, end),
});

const text = (value: string) => Buffer.from(value, 'latin1');

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

interface WavWish {
  /** As the header gives the length of the samples. */
  readonly statedBytes?: number;
  /** A text in a LIST chunk before them. */
  readonly info?: string;
}

/** Silence: 16 bits, one channel, 8,000 Hz. */
export function wavOf(durationMs: number, { statedBytes, info }: WavWish = {}): Buffer {
  const samples = Buffer.alloc(Math.round((8_000 * durationMs) / 1_000) * 2);
  const format = Buffer.alloc(16);
  format.writeUInt16LE(1, 0);
  format.writeUInt16LE(1, 2);
  format.writeUInt32LE(8_000, 4);
  format.writeUInt32LE(16_000, 8);
  format.writeUInt16LE(2, 12);
  format.writeUInt16LE(16, 14);
  const list = info === undefined ? [] : [chunk('LIST', text(`INFOICMT${info}`))];
  const parts = [
    chunk('fmt ', format),
    ...list,
    chunk('data', samples, statedBytes ?? samples.length),
  ];
  return chunk('RIFF', Buffer.concat([text('WAVE'), ...parts]));
}

function chunk(name: string, body: Buffer, stated = body.length): Buffer {
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(stated, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

/** Frames of layer III, 128 kbit/s at 44,100 Hz, without a header that counts them. */
export function mp3Of(frames: number): Buffer {
  const frame = Buffer.alloc(417);
  Buffer.from('fffb9000', 'hex').copy(frame);
  return Buffer.concat(Array<Buffer>(frames).fill(frame));
}

/** STREAMINFO alone: 48,000 Hz, one channel, 16 bits. */
export function flacOf(durationMs: number): Buffer {
  const info = Buffer.alloc(34);
  info.writeUInt16BE(4_096, 0);
  info.writeUInt16BE(4_096, 2);
  const packed = (48_000n << 44n) | (15n << 36n) | BigInt(durationMs * 48);
  info.writeBigUInt64BE(packed, 10);
  return Buffer.concat([text('fLaC'), Buffer.from([0x80, 0, 0, info.length]), info]);
}

/** A head, its comments and one page whose granule position is the end; Opus counts at 48 kHz. */
export function oggOpusOf(durationMs: number): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 'latin1');
  head.set([1, 1], 8);
  head.writeUInt32LE(48_000, 12);
  const tags = Buffer.concat([text('OpusTags'), Buffer.alloc(8)]);
  return Buffer.concat([
    oggPage(head, 0, 0, 2),
    oggPage(tags, 1, 0, 0),
    oggPage(Buffer.alloc(20, 1), 2, durationMs * 48, 4),
  ]);
}

function oggPage(body: Buffer, sequence: number, granule: number, flags: number): Buffer {
  const head = Buffer.alloc(28);
  head.write('OggS', 'latin1');
  head[5] = flags;
  head.writeBigUInt64LE(BigInt(granule), 6);
  head.writeUInt32LE(7, 14);
  head.writeUInt32LE(sequence, 18);
  head.set([1, body.length], 26);
  const page = Buffer.concat([head, body]);
  page.writeUInt32LE(crc32(page), 22);
  return page;
}

export function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(body.length + 8), text(type), body]);
}

/** With a version and flags, both 0. */
export const fullBox = (type: string, ...parts: readonly Buffer[]): Buffer =>
  box(type, u32(0), ...parts);

/**
 * A film of 1280 × 720 without a frame. Its duration is in its head, in `mehd` or `sidx`, or in a
 * head behind its media.
 */
export function mp4Of(durationMs: number, where: 'mvhd' | 'mehd' | 'sidx' | 'late' = 'mvhd') {
  const inHead = where === 'mvhd' || where === 'late' ? durationMs : 0;
  const size = [u16(1_280), u16(0), u16(720), u16(0)];
  const tkhd = fullBox('tkhd', Buffer.alloc(72), ...size);
  const mdhd = fullBox('mdhd', u32(0), u32(0), u32(1_000), u32(inHead), u32(0));
  const moov = box(
    'moov',
    fullBox('mvhd', u32(0), u32(0), u32(1_000), u32(inHead), Buffer.alloc(80)),
    box('trak', fullBox('tkhd', Buffer.alloc(80)), box('mdia', mdhd)),
    box('trak', tkhd, box('mdia', mdhd)),
    ...(where === 'mehd' ? [box('mvex', fullBox('mehd', u32(durationMs)))] : []),
  );
  const half = [u32(100), u32(durationMs / 2), u32(0)];
  const references = [u16(0), u16(2), ...half, ...half];
  const sidx = fullBox('sidx', u32(1), u32(1_000), u32(0), u32(0), ...references);
  const ftyp = box('ftyp', text('isom\0\0\x02\0isomiso2'));
  const mdat = box('mdat', Buffer.alloc(100_000));
  if (where === 'late') return Buffer.concat([ftyp, mdat, moov]);
  return Buffer.concat([ftyp, moov, ...(where === 'sidx' ? [sidx] : []), mdat]);
}

export function ebml(id: number, ...parts: readonly (Buffer | 'unknown')[]): Buffer {
  const name = Buffer.from(id.toString(16), 'hex');
  const body = Buffer.concat(parts.filter((part) => part !== 'unknown'));
  if (parts.includes('unknown'))
    return Buffer.concat([name, Buffer.from('01ffffffffffffff', 'hex'), body]);
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(body.length));
  size[0] = 1;
  return Buffer.concat([name, size, body]);
}

/** 640 × 360; a live one states neither its own length nor that of its clusters. */
export function webmOf(durationMs: number, { isLive = false } = {}): Buffer {
  const duration = Buffer.alloc(8);
  duration.writeDoubleBE(durationMs);
  const open = isLive ? (['unknown'] as const) : [];
  const cluster = (atMs: number) =>
    ebml(0x1f43b675, ...open, ebml(0xe7, u16(atMs)), ebml(0xa3, Buffer.alloc(40)));
  const video = ebml(0xe0, ebml(0xb0, u16(640)), ebml(0xba, u16(360)));
  const segment = ebml(
    0x18538067,
    ...open,
    ebml(0x1549a966, ebml(0x2ad7b1, u32(1_000_000)), ...(isLive ? [] : [ebml(0x4489, duration)])),
    ebml(0x1654ae6b, ebml(0xae, ebml(0x83, Buffer.from([1])), video)),
    cluster(0),
    cluster(1_000),
    cluster(2_000),
  );
  return Buffer.concat([ebml(0x1a45dfa3, ebml(0x4282, text('webm'))), segment]);
}
