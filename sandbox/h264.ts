/**
 * H.264 (ITU-T H.264) without compression: a macroblock is either sent as it is (I_PCM) or is what
 * it was in the frame before (P_Skip). Constrained Baseline, CAVLC, one slice a frame, deblocking
 * off: every decoder shows exactly these samples.
 */

/** Planes of a frame, 4:2:0, whose sides are multiples of 16. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly y: Uint8Array;
  readonly cb: Uint8Array;
  readonly cr: Uint8Array;
}

interface Shown {
  readonly width: number;
  readonly height: number;
}

/** Of NAL units, without start codes. */
export interface Stream {
  readonly sps: Buffer;
  readonly pps: Buffer;
  /** One NAL unit a frame; the first is the only one that stands alone. */
  readonly slices: readonly Buffer[];
}

const MB = 16;
const FRAME_NUM_BITS = 4;

export function encodeH264(frames: readonly Frame[], shown: Shown): Stream {
  const [first] = frames;
  if (!first) throw new Error('a video has a frame');
  return {
    sps: nal(0x67, spsOf(first, shown)),
    pps: nal(0x68, ppsOf()),
    slices: frames.map((frame, at) => {
      const before = frames[at - 1];
      return before ? nal(0x41, changedSlice(frame, before, at)) : nal(0x65, wholeSlice(frame));
    }),
  };
}

function spsOf({ width, height }: Frame, shown: Shown): Bits {
  const bits = new Bits();
  // Profile 66 with both constraint flags, level 3.0.
  bits.u(8, 66).u(8, 0xc0).u(8, 30).ue(0);
  bits
    .ue(FRAME_NUM_BITS - 4)
    .ue(2)
    .ue(1)
    .u(1, 0);
  bits.ue(width / MB - 1).ue(height / MB - 1);
  bits.u(1, 1).u(1, 1);
  bits
    .u(1, 1)
    .ue(0)
    .ue((width - shown.width) / 2)
    .ue(0)
    .ue((height - shown.height) / 2);
  return bits.u(1, 0).end();
}

function ppsOf(): Bits {
  const bits = new Bits();
  bits.ue(0).ue(0).u(1, 0).u(1, 0).ue(0).ue(0).ue(0).u(1, 0).u(2, 0);
  bits.ue(0).ue(0).ue(0);
  return bits.u(1, 1).u(1, 0).u(1, 0).end();
}

const I_SLICE = 7;
const P_SLICE = 5;
const I_PCM = 25;
/** In a P slice the types of I slices come after five of its own. */
const I_PCM_IN_P = 30;

function wholeSlice(frame: Frame): Bits {
  const bits = new Bits();
  bits.ue(0).ue(I_SLICE).ue(0).u(FRAME_NUM_BITS, 0).ue(0);
  bits.u(1, 0).u(1, 0).ue(0).ue(1);
  for (let at = 0; at < blocksIn(frame); at++) pcm(bits.ue(I_PCM), frame, at);
  return bits.end();
}

function changedSlice(frame: Frame, before: Frame, at: number): Bits {
  const bits = new Bits();
  bits
    .ue(0)
    .ue(P_SLICE)
    .ue(0)
    .u(FRAME_NUM_BITS, at % 2 ** FRAME_NUM_BITS);
  bits.u(1, 0).u(1, 0).u(1, 0).ue(0).ue(1);
  let skipped = 0;
  for (let block = 0; block < blocksIn(frame); block++) {
    if (isSame(frame, before, block)) {
      skipped += 1;
      continue;
    }
    pcm(bits.ue(skipped).ue(I_PCM_IN_P), frame, block);
    skipped = 0;
  }
  if (skipped > 0) bits.ue(skipped);
  return bits.end();
}

const blocksIn = ({ width, height }: Frame): number => (width / MB) * (height / MB);

function pcm(bits: Bits, frame: Frame, block: number): void {
  bits.align();
  forEachRow(frame, block, (plane, from, length) =>
    bits.bytes(plane.subarray(from, from + length)),
  );
}

function isSame(frame: Frame, before: Frame, block: number): boolean {
  const planes = new Map([
    [frame.y, before.y],
    [frame.cb, before.cb],
    [frame.cr, before.cr],
  ]);
  let same = true;
  forEachRow(frame, block, (plane, from, length) => {
    const other = planes.get(plane)!;
    for (let at = from; same && at < from + length; at++) same = plane[at] === other[at];
  });
  return same;
}

type Row = (plane: Uint8Array, from: number, length: number) => void;

function forEachRow({ width, y, cb, cr }: Frame, block: number, row: Row): void {
  const across = width / MB;
  const [left, top] = [(block % across) * MB, Math.floor(block / across) * MB];
  for (let line = 0; line < MB; line++) row(y, (top + line) * width + left, MB);
  for (const plane of [cb, cr])
    for (let line = 0; line < MB / 2; line++)
      row(plane, ((top / 2 + line) * width) / 2 + left / 2, MB / 2);
}

/** Bits, and Exp-Golomb codes, most significant first. */
class Bits {
  private readonly parts: Buffer[] = [];
  private pending: number[] = [];
  private byte = 0;
  private count = 0;

  u(length: number, value: number): this {
    for (let at = length - 1; at >= 0; at--) this.bit((value >> at) & 1);
    return this;
  }

  ue(value: number): this {
    const length = Math.floor(Math.log2(value + 1));
    return this.u(length, 0).u(length + 1, value + 1);
  }

  align(): this {
    while (this.count > 0) this.bit(0);
    return this;
  }

  bytes(bytes: Uint8Array): void {
    this.flush();
    this.parts.push(Buffer.from(bytes));
  }

  /** The stop bit, and zeros to the end of its byte. */
  end(): this {
    return this.u(1, 1).align();
  }

  toBuffer(): Buffer {
    this.flush();
    return Buffer.concat(this.parts);
  }

  private bit(bit: number): void {
    this.byte = (this.byte << 1) | bit;
    this.count += 1;
    if (this.count < 8) return;
    this.pending.push(this.byte);
    this.byte = 0;
    this.count = 0;
  }

  private flush(): void {
    if (this.pending.length > 0) this.parts.push(Buffer.from(this.pending));
    this.pending = [];
  }
}

/** No three bytes in a unit may look like the start of another: a 3 is put between them. */
function nal(header: number, payload: Bits): Buffer {
  const bytes = payload.toBuffer();
  const out = Buffer.allocUnsafe(1 + Math.ceil(bytes.length * 1.5));
  out[0] = header;
  let to = 1;
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros === 2 && byte <= 3) {
      out[to++] = 3;
      zeros = 0;
    }
    out[to++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return out.subarray(0, to);
}
