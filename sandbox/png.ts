/** PNG (ISO/IEC 15948) of 8-bit RGB pixels, tuned for speed over size. */
import { promisify } from 'node:util';
import { constants, crc32, deflate } from 'node:zlib';

const deflated = promisify<Buffer, object, Buffer>(deflate);

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const filterSub = 1;

export async function encodePng(rgb: Uint8Array, width: number, height: number): Promise<Buffer> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Bit depth 8, colour type 2 (RGB); deflate, adaptive filters, no interlace.
  header.set([8, 2, 0, 0, 0], 8);
  const data = await deflated(filtered(rgb, width, height), {
    level: 1,
    memLevel: 9,
    strategy: constants.Z_RLE,
    chunkSize: 256 * 1024,
  });
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Each pixel less its left neighbour: smooth pictures become rows of small numbers. */
function filtered(rgb: Uint8Array, width: number, height: number): Buffer {
  const stride = width * 3;
  const out = Buffer.allocUnsafe((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    const from = y * stride;
    let to = y * (stride + 1);
    out[to++] = filterSub;
    out[to++] = rgb[from]!;
    out[to++] = rgb[from + 1]!;
    out[to++] = rgb[from + 2]!;
    for (let i = from + 3; i < from + stride; i++) out[to++] = rgb[i]! - rgb[i - 3]!;
  }
  return out;
}

function chunk(type: string, data: Buffer): Buffer {
  const out = Buffer.allocUnsafe(data.length + 12);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  data.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, data.length + 8)), data.length + 8);
  return out;
}
