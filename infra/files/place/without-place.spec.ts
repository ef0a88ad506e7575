import { expect } from 'chai';
import fc from 'fast-check';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { box, fullBox, mp4Of, u16, u32 } from '../testing/media.js';
import { fileId, owner } from '../testing/contract.js';
import { encryptedFiles } from '../testing/encrypted.js';
import { withoutPlace } from './without-place.js';

const SECRET = '52 deg 31 min North';
const latin1 = (value: string) => Buffer.from(value, 'latin1');
const secret = latin1(SECRET);
const PIXELS = latin1('the very pixels of the picture');

/** As whoever must not know the place has it. */
async function shared(bytes: Buffer) {
  const [files, id] = [encryptedFiles(), fileId()];
  await files.put(id, owner, Readable.from([bytes]), bytes.length);
  const file = await withoutPlace(files, id);
  if (!file) throw new Error('the file is gone');
  const given = await file.bytes();
  expect(given.length).to.equal(bytes.length);
  expect(file.sizeBytes).to.equal(bytes.length);
  for (let start = 0; start < given.length; start += 1 + Math.floor(given.length / 7)) {
    const end = start + Math.floor(given.length / 3);
    const part = await buffer(await file.stream({ start, end }));
    expect(part.equals(given.subarray(start, end + 1)), `${start}-${end}`).to.equal(true);
  }
  return { given, contentType: file.contentType };
}

const isKept = (given: Buffer, part: Buffer) => given.includes(part);

/** Exif that turns the picture, names its place in GPS, and says it in words. */
function tiffOf(orientation: number, order: 'LE' | 'BE'): Buffer {
  const tiff = Buffer.alloc(160);
  const u16At = (value: number, at: number) =>
    order === 'LE' ? tiff.writeUInt16LE(value, at) : tiff.writeUInt16BE(value, at);
  const u32At = (value: number, at: number) =>
    order === 'LE' ? tiff.writeUInt32LE(value, at) : tiff.writeUInt32BE(value, at);
  const entry = (at: number, tag: number, type: number, count: number, value: number) => {
    u16At(tag, at);
    u16At(type, at + 2);
    u32At(count, at + 4);
    if (type === 3) u16At(value, at + 8);
    else u32At(value, at + 8);
  };
  tiff.write(order === 'LE' ? 'II' : 'MM', 'latin1');
  u16At(42, 2);
  u32At(8, 4);
  u16At(3, 8);
  entry(10, 0x0112, 3, 1, orientation);
  entry(22, 700, 1, secret.length, 110);
  entry(34, 0x8825, 4, 1, 60);
  u16At(2, 60);
  entry(62, 1, 2, 2, 0x4e000000);
  entry(74, 2, 2, secret.length, 135);
  secret.copy(tiff, 110);
  secret.copy(tiff, 135);
  return tiff;
}

const segment = (marker: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([0xff, marker]), u16(body.length + 2), body]);
};
const exifSegment = (orientation: number) =>
  segment(0xe1, latin1('Exif\0\0'), tiffOf(orientation, 'BE'));
const frame = segment(0xc0, Buffer.from([8]), u16(2), u16(3), Buffer.from([1, 1, 0x11, 0]));

describe('a file without its place', () => {
  it('ends what it reads, also where nobody began to read it', async () => {
    const [files, id] = [encryptedFiles(), fileId()];
    const jpeg = Buffer.concat([Buffer.from('ffd8', 'hex'), exifSegment(1), frame]);
    await files.put(id, owner, Readable.from([jpeg]), jpeg.length);
    const opened: Readable[] = [];
    const open: typeof files.open = async (...asked) => {
      const stream = await files.open(...asked);
      if (stream) opened.push(stream);
      return stream;
    };
    const file = await withoutPlace({ open, size: (one) => files.size(one) }, id);
    const given = await file?.stream();
    const closed = given && once(given, 'close');
    given?.destroy();
    await closed;
    expect(opened.at(-1)?.destroyed).to.equal(true);
  });

  it('is a JPEG of the same pixels, turned the same way', async () => {
    const kept = [
      segment(0xe0, latin1('JFIF\0'), Buffer.alloc(9)),
      segment(0xe2, latin1('ICC_PROFILE\0'), Buffer.alloc(30, 7)),
      segment(0xee, latin1('Adobe'), Buffer.alloc(7, 1)),
      frame,
      segment(0xda, Buffer.from([1, 1, 0, 0, 63, 0])),
    ];
    const told = [
      exifSegment(6),
      segment(0xe1, latin1('http://ns.adobe.com/xap/1.0/\0'), secret),
      segment(0xed, latin1('Photoshop 3.0\0'), secret),
      segment(0xeb, secret),
      segment(0xfe, secret),
    ];
    const [jfif, icc, adobe, ...rest] = kept as [Buffer, Buffer, Buffer, ...Buffer[]];
    const second = [Buffer.from('ffd8', 'hex'), exifSegment(1), PIXELS, Buffer.from('ffd9', 'hex')];
    const parts = [Buffer.from('ffd8', 'hex'), jfif, ...told, icc, adobe, ...rest, PIXELS];
    const jpeg = Buffer.concat([...parts, Buffer.from('ffd9', 'hex'), ...second]);
    const { given, contentType } = await shared(jpeg);
    expect(contentType).to.equal('image/jpeg');
    expect(isKept(given, secret)).to.equal(false);
    for (const part of [...kept, PIXELS]) expect(isKept(given, part)).to.equal(true);
    const exif = given.indexOf('Exif\0\0', 0, 'latin1');
    expect(given.subarray(exif + 6, exif + 32).toString('hex')).to.equal(
      '4d4d002a00000008000101120003000000010006000000000000',
    );
  });

  it('is a JPEG whose second picture says nothing either, however far behind it is', async () => {
    const head = [Buffer.from('ffd8', 'hex'), frame, segment(0xda, Buffer.alloc(6))];
    for (const gap of [10, 256 * 1024 - 60, 256 * 1024 - 10, 700_000]) {
      const jpeg = Buffer.concat([...head, Buffer.alloc(gap, 1), exifSegment(1), PIXELS]);
      const { given } = await shared(jpeg);
      expect([isKept(given, secret), isKept(given, PIXELS)], `${gap}`).to.deep.equal([false, true]);
    }
  });

  const chunk = (type: string, ...parts: Buffer[]): Buffer => {
    const body = Buffer.concat(parts);
    const named = Buffer.concat([latin1(type), body]);
    return Buffer.concat([u32(body.length), named, u32(crc32(named))]);
  };

  it('is a PNG of the same pixels whose chunks are sound', async () => {
    const kept = [
      chunk('IHDR', u32(3), u32(2), Buffer.from([8, 2, 0, 0, 0])),
      chunk('gAMA', u32(45_455)),
      chunk('IDAT', PIXELS),
      chunk('IEND'),
    ];
    const [ihdr, gama, idat, iend] = kept as [Buffer, Buffer, Buffer, Buffer];
    const told = [
      chunk('eXIf', tiffOf(8, 'LE')),
      chunk('iTXt', latin1('XML:com.adobe.xmp\0\0\0\0\0'), secret),
      chunk('tEXt', latin1('Location\0'), secret),
      chunk('tIME', Buffer.alloc(7)),
      chunk('caBX', secret, Buffer.alloc(100_000)),
    ];
    const signature = Buffer.from('89504e470d0a1a0a', 'hex');
    const png = Buffer.concat([signature, ihdr, gama, ...told, idat, iend, secret]);
    const { given, contentType } = await shared(png);
    expect(contentType).to.equal('image/png');
    expect(isKept(given, secret)).to.equal(false);
    for (const part of kept) expect(isKept(given, part)).to.equal(true);
    const types: string[] = [];
    for (let at = 8; types.at(-1) !== 'IEND';) {
      const end = at + 8 + given.readUInt32BE(at);
      types.push(given.toString('latin1', at + 4, at + 8));
      expect(given.readUInt32BE(end), types.at(-1)).to.equal(crc32(given.subarray(at + 4, end)));
      at = end + 4;
    }
    expect(types).to.deep.equal('IHDR gAMA eXIf prVt prVt prVt prVt IDAT IEND'.split(' '));
    expect(isKept(given, Buffer.from('01120003000000010008', 'hex'))).to.equal(true);
  });

  it('is a WebP of the same pixels', async () => {
    const riff = (type: string, ...parts: Buffer[]) => {
      const body = Buffer.concat(parts);
      const size = Buffer.alloc(4);
      size.writeUInt32LE(body.length);
      return Buffer.concat([latin1(type), size, body, Buffer.alloc(body.length % 2)]);
    };
    const kept = [riff('VP8X', Buffer.alloc(10, 2)), riff('VP8L', Buffer.from([0x2f]), PIXELS)];
    const told = [riff('EXIF', tiffOf(3, 'LE')), riff('XMP ', secret), riff('prvt', secret)];
    const webp = riff('RIFF', latin1('WEBP'), ...kept, ...told);
    const { given, contentType } = await shared(webp);
    expect(contentType).to.equal('image/webp');
    expect(isKept(given, secret)).to.equal(false);
    for (const part of kept) expect(isKept(given, part)).to.equal(true);
    expect(isKept(given, Buffer.from('01120003000000010003', 'hex'))).to.equal(true);
  });

  for (const order of ['LE', 'BE'] as const)
    it(`is a TIFF (${order}) whose GPS has no entries`, async () => {
      const tiff = Buffer.concat([tiffOf(6, order), PIXELS]);
      const { given, contentType } = await shared(tiff);
      expect(contentType).to.equal('image/tiff');
      expect(isKept(given, secret)).to.equal(false);
      expect(isKept(given, PIXELS)).to.equal(true);
      expect(given.subarray(0, 60).equals(tiff.subarray(0, 60))).to.equal(true);
      expect(given.subarray(60, 86).every((byte) => byte === 0)).to.equal(true);
    });

  it('is a HEIC whose items of Exif and XMP say nothing', async () => {
    const ftyp = box('ftyp', latin1('heic\0\0\0\0mif1heic'));
    const exif = Buffer.concat([u32(6), latin1('Exif\0\0'), tiffOf(6, 'BE')]);
    const infe = (id: number, type: string) =>
      box('infe', Buffer.from([2, 0, 0, 0]), u16(id), u16(0), latin1(`${type}\0`));
    const place = (id: number, start: number, length: number) =>
      Buffer.concat([u16(id), u16(0), u16(1), u32(start), u32(length)]);
    const metaOf = (at: number) => {
      const places = [
        place(1, at, PIXELS.length),
        place(2, at + PIXELS.length, exif.length),
        place(3, at + PIXELS.length + exif.length, secret.length),
      ];
      return fullBox(
        'meta',
        fullBox('iinf', u16(3), infe(1, 'hvc1'), infe(2, 'Exif'), infe(3, 'mime')),
        fullBox('iloc', u16(0x4400), u16(3), ...places),
      );
    };
    const at = ftyp.length + metaOf(0).length + 8;
    const heic = Buffer.concat([ftyp, metaOf(at), box('mdat', PIXELS, exif, secret)]);
    const { given, contentType } = await shared(heic);
    expect(contentType).to.equal('image/heic');
    expect(isKept(given, secret)).to.equal(false);
    expect(isKept(given, PIXELS)).to.equal(true);
    expect(given.subarray(0, at).equals(heic.subarray(0, at))).to.equal(true);
  });

  it('is a film whose user data is free space', async () => {
    const film = mp4Of(1_000);
    const told = box('udta', box('\xa9xyz', secret));
    const moovAt = film.indexOf('moov') - 4;
    const moovEnd = moovAt + film.readUInt32BE(moovAt);
    const inside = Buffer.concat([film.subarray(0, moovEnd), told, film.subarray(moovEnd)]);
    inside.writeUInt32BE(moovEnd - moovAt + told.length, moovAt);
    const { given, contentType } = await shared(inside);
    expect(contentType).to.equal('video/mp4');
    expect(isKept(given, secret)).to.equal(false);
    expect(given.toString('latin1', moovEnd + 4, moovEnd + 8)).to.equal('free');
    expect(given.subarray(0, moovEnd).equals(inside.subarray(0, moovEnd))).to.equal(true);
  });

  it('is blanked where one part that tells lies over another', async () => {
    const told = (length: number, ...parts: Buffer[]) =>
      Buffer.concat([Buffer.from('ffed', 'hex'), u16(length), latin1('Photoshop 3.0\0'), ...parts]);
    const scan = [Buffer.from('ffd8', 'hex'), frame, segment(0xda, Buffer.alloc(6))];
    const over = [told(60, Buffer.alloc(20, 1)), told(16 + secret.length, secret), PIXELS];
    const { given } = await shared(Buffer.concat([...scan, ...over]));
    expect([isKept(given, secret), isKept(given, PIXELS)]).to.deep.equal([false, true]);
  });

  const endless: Record<string, Buffer> = {
    'PNG of 60,000 texts': Buffer.concat([
      Buffer.from('89504e470d0a1a0a', 'hex'),
      chunk('IHDR', u32(3), u32(2), Buffer.from([8, 2, 0, 0, 0])),
      ...Array<Buffer>(60_000).fill(chunk('tEXt')),
      chunk('IDAT', PIXELS),
    ]),
    'TIFF of 3,000 places': tiffOfPlaces(3_000),
    'TIFF of 60,000 entries': tiffOfPlaces(60_000),
    'HEIC of 600 million extents': Buffer.concat([
      box('ftyp', latin1('heic\0\0\0\0mif1heic')),
      fullBox(
        'meta',
        fullBox('iinf', u16(0)),
        fullBox(
          'iloc',
          u16(0),
          u16(10_000),
          ...Array<Buffer>(10_000).fill(Buffer.concat([u16(1), u16(0), u16(65_535)])),
        ),
      ),
    ]),
  };
  for (const [name, bytes] of Object.entries(endless))
    it(`is nothing but its size for a ${name}`, async () => {
      const { given } = await shared(bytes);
      expect(given.equals(Buffer.alloc(bytes.length))).to.equal(true);
    });

  it('is what it was where there is nothing to tell, and where it is damaged', async () => {
    const plain = latin1('no picture at all');
    expect((await shared(plain)).given.equals(plain)).to.equal(true);
    const begins = ['ffd8ffe1', '89504e470d0a1a0a', '49492a0008000000', '4d4d002a00000008'];
    const damaged = fc.tuple(fc.constantFrom(...begins), fc.uint8Array({ maxLength: 300 }));
    await fc.assert(
      fc.asyncProperty(damaged, async ([begin, rest]) => {
        await shared(Buffer.concat([Buffer.from(begin, 'hex'), rest]));
      }),
      { numRuns: 300 },
    );
  });
});

/** Each is at the beginning of another entry. */
function tiffOfPlaces(count: number): Buffer {
  const tiff = Buffer.alloc(10 + count * 12);
  tiff.write('MM\0*', 'latin1');
  tiff.writeUInt32BE(8, 4);
  tiff.writeUInt16BE(count, 8);
  for (let i = 0; i < count; i += 1) {
    const at = 10 + i * 12;
    tiff.writeUInt16BE(0x8825, at);
    tiff.writeUInt32BE(1, at + 4);
    tiff.writeUInt32BE(at + 2, at + 8);
  }
  return tiff;
}
