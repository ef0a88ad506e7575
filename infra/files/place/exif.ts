/**
 * What may stay of Exif (TIFF 6.0 inside): how the picture is to be turned. Everything else is of
 * no use to a provider, and may say where and by whom it was taken.
 */

const ORIENTATION = 0x0112;

/** A TIFF header with the orientation of the given one; nothing where that says nothing usable. */
export function orientationOnly(tiff: Buffer): Buffer {
  const orientation = orientationIn(tiff);
  if (orientation === undefined) return Buffer.alloc(0);
  const made = Buffer.alloc(26);
  made.write('MM\0*', 'latin1');
  made.writeUInt32BE(8, 4);
  made.writeUInt16BE(1, 8);
  made.writeUInt16BE(ORIENTATION, 10);
  made.writeUInt16BE(3, 12);
  made.writeUInt32BE(1, 14);
  made.writeUInt16BE(orientation, 18);
  return made;
}

function orientationIn(tiff: Buffer): number | undefined {
  const order = byteOrderOf(tiff);
  if (!order || tiff.length < 14) return undefined;
  const { u16, u32 } = numbersIn(tiff, order);
  const ifd = u32(4);
  if (ifd + 2 > tiff.length) return undefined;
  for (let i = 0, at = ifd + 2; i < u16(ifd) && at + 12 <= tiff.length; i += 1, at += 12) {
    if (u16(at) !== ORIENTATION) continue;
    const value = u16(at + 8);
    return value >= 1 && value <= 8 ? value : undefined;
  }
  return undefined;
}

export type ByteOrder = 'LE' | 'BE';

export function byteOrderOf(tiff: Buffer): ByteOrder | undefined {
  const mark = tiff.toString('latin1', 0, 4);
  if (mark === 'II*\0') return 'LE';
  return mark === 'MM\0*' ? 'BE' : undefined;
}

export const numbersIn = (bytes: Buffer, order: ByteOrder) => ({
  u16: (at: number): number => (order === 'LE' ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)),
  u32: (at: number): number => (order === 'LE' ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)),
});
