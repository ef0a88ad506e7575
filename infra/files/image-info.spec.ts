import { expect } from 'chai';
import fc from 'fast-check';
import { inspectFile } from './image-info.js';

const base64 = (...parts: string[]) => Buffer.from(parts.join(''), 'base64');
const text = (value: string) => Buffer.from(value, 'latin1');

/** The first bytes of files that common encoders wrote, 300 × 200 pixels each. */
const tables = ['/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP', '/'.repeat(86)];
const jpeg = base64(...tables, 'wAALCADIASwBAREA');
const heads: Record<string, Buffer> = {
  png: base64('iVBORw0KGgoAAAANSUhEUgAAASwAAADICAIAAADdvUsC'),
  gif: base64('R0lGODdhLAHIAIEAAP8AAAAA'),
  jpeg,
  'progressive jpeg': base64(...tables, 'wgALCADIASwBAREA'),
  'jpeg behind a large Exif segment': Buffer.concat([
    jpeg.subarray(0, 2),
    Buffer.from([0xff, 0xe1, 0x4e, 0x22]),
    Buffer.alloc(0x4e20, 0xc0),
    jpeg.subarray(2),
  ]),
  'lossy webp': base64('UklGRroAAABXRUJQVlA4IK4AAABwEACdASosAcgAP83m'),
  'lossless webp': base64('UklGRiQAAABXRUJQVlA4TBcAAAAvK8ExAAcQ/Y/+BwAU'),
  'webp with alpha': base64('UklGRuYAAABXRUJQVlA4WAoAAAAQAAAAKwEAxwAAQUxQ'),
};

describe('what a file is, by its first bytes', () => {
  for (const [name, head] of Object.entries(heads)) {
    it(`finds the format and size of a ${name}`, () => {
      const format = name.match(/png|gif|jpeg|webp/)?.[0] ?? '';
      const contentType = `image/${format}`;
      expect(inspectFile(head)).to.deep.equal({ contentType, format, width: 300, height: 200 });
    });
  }

  const others: [string, Buffer, string, string][] = [
    ['a wave file', base64('UklGRjI0AABXQVZFZm10IBAAAAAB'), 'audio/wav', 'wav'],
    ['an MP3 with a tag', text('ID3\x04\0\0\0\0\0\0'), 'audio/mpeg', 'mp3'],
    ['an MP3 without', Buffer.from('fffb90640000', 'hex'), 'audio/mpeg', 'mp3'],
    ['an MP4', text('\0\0\0\x20ftypisom\0\0\x02\0isomiso2'), 'video/mp4', 'mp4'],
    ['a cut PNG', base64('iVBORw0KGgoAAAAN'), 'image/png', 'png'],
    ['a PNG that says 0 × 0', pngOf(0), 'image/png', 'png'],
    ['a PNG that says 2³² − 1', pngOf(2 ** 32 - 1), 'image/png', 'png'],
    ['a PNG that says 100,001', pngOf(100_001), 'image/png', 'png'],
    ['a JPEG cut before its frame', jpeg.subarray(0, 40), 'image/jpeg', 'jpeg'],
  ];
  for (const [name, head, contentType, format] of others) {
    it(`knows ${name}, which has no size to tell`, () => {
      expect(inspectFile(head)).to.deep.equal({ contentType, format });
    });
  }

  const unknown: Record<string, Buffer> = {
    nothing: Buffer.alloc(0),
    'a web page': text('<!doctype html><html><body>hello</body></html>'),
    'an SVG image': text('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'),
    'a still AVIF image in the box of MP4': text('\0\0\0\x20ftypavif\0\0\0\0avifmif1'),
    'a RIFF that is neither sound nor WebP': text('RIFF\0\0\0\0AVI LIST'),
    'raw AAC, whose frames begin like those of MP3': Buffer.from('fff15080', 'hex'),
    'a program': text('MZ\x90\0\x03\0\0\0'),
  };
  for (const [name, head] of Object.entries(unknown)) {
    it(`does not know ${name}`, () => {
      expect(inspectFile(head)).to.equal(undefined);
    });
  }

  it('answers for any bytes behind any magic, and never hangs or throws', () => {
    const magic = fc.constantFrom(...Object.values(heads).map((head) => head.subarray(0, 30)));
    const tail = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(magic, fc.nat(30), tail, (head, cut, rest) => {
        const info = inspectFile(Buffer.concat([head.subarray(0, cut), rest]));
        if (info?.width !== undefined) expect(info.width).to.be.above(0);
      }),
      { numRuns: 2_000 },
    );
  });
});

function pngOf(pixels: number): Buffer {
  const head = Buffer.from(heads['png'] ?? []);
  head.writeUInt32BE(pixels, 16);
  head.writeUInt32BE(pixels, 20);
  return head;
}
