/** One H.264 track in an MP4 file (ISO/IEC 14496-12 and -15), its index before its samples. */
import { type Stream } from './h264.js';

interface Track {
  readonly stream: Stream;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

const u8 = (...values: number[]): Buffer => Buffer.from(values);

function u16(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 2);
  values.forEach((value, at) => out.writeUInt16BE(value, at * 2));
  return out;
}

function u32(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, at) => out.writeUInt32BE(value, at * 4));
  return out;
}

const zeros = (length: number): Buffer => Buffer.alloc(length);

function box(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(body.length + 8), Buffer.from(type, 'latin1'), body]);
}

/** A box with a version, 0, and flags. */
const full = (type: string, flags: number, ...parts: Buffer[]): Buffer =>
  box(type, u32(flags), ...parts);

/** Ticks of the clock of the file, and of its track. */
const TIMESCALE = 1_000;

const IDENTITY = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

export function mp4Of(track: Track): Buffer {
  const { stream, fps } = track;
  const samples = stream.slices.map((slice) => Buffer.concat([u32(slice.length), slice]));
  const ticks = Math.round(TIMESCALE / fps);
  const ftyp = box('ftyp', Buffer.from('isom'), u32(0x200), Buffer.from('isomiso2avc1mp41'));
  const moovAt = (dataAt: number) => moovOf(track, samples, ticks, dataAt);
  const dataAt = ftyp.length + moovAt(0).length + 8;
  return Buffer.concat([ftyp, moovAt(dataAt), box('mdat', ...samples)]);
}

function moovOf(track: Track, samples: readonly Buffer[], ticks: number, dataAt: number): Buffer {
  const { width, height } = track;
  const duration = samples.length * ticks;
  const mvhd = full(
    'mvhd',
    0,
    u32(0, 0, TIMESCALE, duration, 0x10000),
    u16(0x100),
    zeros(10),
    IDENTITY,
    zeros(24),
    u32(2),
  );
  const tkhd = full(
    'tkhd',
    3,
    u32(0, 0, 1, 0, duration),
    zeros(8),
    u16(0, 0, 0, 0),
    IDENTITY,
    u32(width << 16, height << 16),
  );
  const mdhd = full('mdhd', 0, u32(0, 0, TIMESCALE, duration), u16(0x55c4, 0));
  const hdlr = full('hdlr', 0, u32(0), Buffer.from('vide'), zeros(12), Buffer.from('video\0'));
  const dref = full('dref', 0, u32(1), full('url ', 1));
  const minf = box(
    'minf',
    full('vmhd', 1, zeros(8)),
    box('dinf', dref),
    stblOf(track, samples, ticks, dataAt),
  );
  return box('moov', mvhd, box('trak', tkhd, box('mdia', mdhd, hdlr, minf)));
}

function stblOf(
  { stream, width, height }: Track,
  samples: readonly Buffer[],
  ticks: number,
  dataAt: number,
): Buffer {
  const { sps, pps } = stream;
  const avcC = box(
    'avcC',
    u8(1, sps[1] ?? 0, sps[2] ?? 0, sps[3] ?? 0, 0xff, 0xe1),
    u16(sps.length),
    sps,
    u8(1),
    u16(pps.length),
    pps,
  );
  const avc1 = box(
    'avc1',
    zeros(6),
    u16(1),
    zeros(16),
    u16(width, height),
    u32(0x480000, 0x480000, 0),
    u16(1),
    zeros(32),
    u16(0x18, 0xffff),
    avcC,
  );
  return box(
    'stbl',
    full('stsd', 0, u32(1), avc1),
    full('stts', 0, u32(1, samples.length, ticks)),
    full('stss', 0, u32(1, 1)),
    full('stsc', 0, u32(1, 1, samples.length, 1)),
    full('stsz', 0, u32(0, samples.length, ...samples.map(({ length }) => length))),
    full('stco', 0, u32(1, dataAt)),
  );
}
