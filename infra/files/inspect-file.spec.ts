import { expect } from 'chai';
import fc from 'fast-check';
import { inPages } from './byte-source.js';
import { inspectFile } from './inspect-file.js';
import {
  box,
  bytesInMemory,
  ebml,
  flacOf,
  fullBox,
  mp3Of,
  mp4Of,
  oggOpusOf,
  u16,
  u32,
  wavOf,
  webmOf,
} from './testing/media.js';

const inspect = (bytes: Buffer) => inspectFile(bytesInMemory(bytes));
const base64 = (...parts: string[]) => Buffer.from(parts.join(''), 'base64');
const text = (value: string) => Buffer.from(value, 'latin1');
const hex = (value: string) => Buffer.from(value, 'hex');

/** The first bytes of files that common encoders wrote, 300 × 200 pixels each. */
const tables = ['/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP', '/'.repeat(86)];
const jpeg = base64(...tables, 'wAALCADIASwBAREA');
const png = Buffer.concat([
  base64('iVBORw0KGgoAAAANSUhEUgAAASwAAADICAIAAADdvUsC'),
  u32(0),
  text('IDAT'),
]);
const segment = (bytes: number) =>
  Buffer.concat([hex('ffe1'), u16(bytes + 2), Buffer.alloc(bytes, 0xc0)]);
const behind = (...segments: Buffer[]) =>
  Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
const ispe = (width: number, height: number) => fullBox('ispe', u32(width), u32(height));
const still = (brand: string, ...sizes: Buffer[]) =>
  Buffer.concat([
    box('ftyp', text(`${brand}\0\0\0\0mif1`)),
    fullBox('meta', box('iprp', box('ipco', ...sizes))),
  ]);

const pictures: Record<string, Buffer> = {
  png,
  gif: base64('R0lGODdhLAHIAIEAAP8AAAAA'),
  jpeg,
  'progressive jpeg': base64(...tables, 'wgALCADIASwBAREA'),
  'jpeg behind a large Exif segment': behind(segment(0x4e20)),
  'jpeg behind 300 KB of segments': behind(...Array<Buffer>(5).fill(segment(65_000))),
  'lossy webp': base64('UklGRroAAABXRUJQVlA4IK4AAABwEACdASosAcgAP83m'),
  'lossless webp': base64('UklGRiQAAABXRUJQVlA4TBcAAAAvK8ExAAcQ/Y/+BwAU'),
  'webp with alpha': base64('UklGRuYAAABXRUJQVlA4WAoAAAAQAAAAKwEAxwAAQUxQ'),
  avif: still('avif', ispe(300, 200)),
  'heic in tiles': still('heic', ispe(64, 64), ispe(300, 200)),
};

const sounds: Record<string, readonly [Buffer, string, string]> = {
  'a WAV': [wavOf(1_500), 'audio/wav', 'wav'],
  'a WAV with text before its samples': [wavOf(1_500, { info: 'hello' }), 'audio/wav', 'wav'],
  'a WAV that was sent as it was spoken': [
    wavOf(1_500, { statedBytes: 0xffffffff }),
    'audio/wav',
    'wav',
  ],
  'a WAV that states no length': [wavOf(1_500, { statedBytes: 0 }), 'audio/wav', 'wav'],
  'a FLAC': [flacOf(1_500), 'audio/flac', 'flac'],
  'an Opus in Ogg': [oggOpusOf(1_500), 'audio/ogg', 'opus'],
};

describe('what a file is, by its bytes', () => {
  for (const [name, bytes] of Object.entries(pictures)) {
    it(`finds the format and size of a ${name}`, async () => {
      const format = name.match(/png|gif|jpeg|webp|avif|heic/)?.[0] ?? '';
      const contentType = `image/${format}`;
      const found = { contentType, format, width: 300, height: 200 };
      expect(await inspect(bytes)).to.deep.equal(found);
    });
  }

  for (const [name, [bytes, contentType, format]] of Object.entries(sounds)) {
    it(`finds how long ${name} is`, async () => {
      expect(await inspect(bytes)).to.deep.equal({ contentType, format, durationMs: 1_500 });
    });
  }

  it('finds how long an MP3 is, frame by frame where nothing states it', async () => {
    // 100 frames of 1,152 samples at 44,100 Hz.
    const found = { contentType: 'audio/mpeg', format: 'mp3', durationMs: 2_612 };
    for (const bytes of [mp3Of(100), Buffer.concat([text('ID3\x04\0\0\0\0\0\0'), mp3Of(100)])])
      expect(await inspect(bytes)).to.deep.equal(found);
  });

  it('finds size and duration of an MP4, also of one in fragments', async () => {
    const video = { contentType: 'video/mp4', format: 'mp4', width: 1280, height: 720 };
    const ways = [mp4Of(2_040), mp4Of(2_040, 'mehd'), mp4Of(2_040, 'sidx'), mp4Of(2_040, 'late')];
    for (const bytes of ways)
      expect(await inspect(bytes)).to.deep.equal({ ...video, durationMs: 2_040 });
  });

  it('finds size and duration of a WebM, also of a live one', async () => {
    const video = { contentType: 'video/webm', format: 'webm', width: 640, height: 360 };
    expect(await inspect(webmOf(2_040))).to.deep.equal({ ...video, durationMs: 2_040 });
    expect(await inspect(webmOf(2_040, { isLive: true }))).to.deep.equal({
      ...video,
      durationMs: 2_000,
    });
  });

  const unsized: [string, Buffer, string, string][] = [
    ['a PNG that says 0 × 0', pngOf(0), 'image/png', 'png'],
    ['a PNG that says 2³² − 1', pngOf(2 ** 32 - 1), 'image/png', 'png'],
    ['a PNG that says 100,001', pngOf(100_001), 'image/png', 'png'],
    ['a JPEG cut before its frame', jpeg.subarray(0, 40), 'image/jpeg', 'jpeg'],
    ['a WAV cut before its samples', wavOf(10).subarray(0, 40), 'audio/wav', 'wav'],
    ['an MP4 without a movie', box('ftyp', text('isom\0\0\0\0')), 'video/mp4', 'mp4'],
    ['a WebM cut in its head', webmOf(10).subarray(0, 40), 'video/webm', 'webm'],
    ['a PDF', text('%PDF-1.7\n'), 'application/pdf', 'pdf'],
  ];
  for (const [name, bytes, contentType, format] of unsized) {
    it(`knows ${name}, which has nothing to measure`, async () => {
      expect(await inspect(bytes)).to.deep.equal({ contentType, format });
    });
  }

  const unknown: Record<string, Buffer> = {
    nothing: Buffer.alloc(0),
    'a web page': text('<!doctype html><html><body>hello</body></html>'),
    'an SVG image': text('<svg xmlns="http://www.w3.org/2000/svg"/>'),
    'a text': text('not found'),
    'a cut PNG': pngOf(1).subarray(0, 12),
  };
  for (const [name, bytes] of Object.entries(unknown)) {
    it(`does not know ${name}`, async () => {
      expect(await inspect(bytes)).to.equal(undefined);
    });
  }

  it('answers for any bytes behind any magic, and never hangs or throws', async () => {
    const whole = [...Object.values(pictures), ...Object.values(sounds).map(([bytes]) => bytes)];
    const starts = [...whole, mp3Of(2), mp4Of(9), webmOf(9), ebml(0x1a45dfa3, 'unknown')];
    const magic = fc.constantFrom(...starts.map((bytes) => bytes.subarray(0, 200)));
    const tail = fc.uint8Array({ maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(magic, fc.nat(200), tail, async (head, cut, rest) => {
        const info = await inspect(Buffer.concat([head.subarray(0, cut), rest]));
        if (info?.width !== undefined) expect(info.width).to.be.above(0);
      }),
      { numRuns: 500 },
    );
  });

  it('says nothing of a film whose parts hold each other over and over', async () => {
    const info = ebml(0x1549a966, 'unknown');
    const tracks = ebml(0x1654ae6b, 'unknown', ebml(0xae, 'unknown'));
    const head = ebml(0x1a45dfa3, ebml(0x4282, text('webm')));
    for (const part of [info, tracks]) {
      const parts = Array<Buffer>(10_000).fill(part);
      const film = Buffer.concat([head, ebml(0x18538067, ...parts)]);
      let turns = 0;
      const turning = setInterval(() => (turns += 1), 1);
      const found = await inspect(film);
      clearInterval(turning);
      expect(found).to.deep.equal({ contentType: 'video/webm', format: 'webm' });
      expect(turns).to.be.above(2);
    }
  }).timeout(20_000);

  it('reads a store in pages, and rejects as the store does', async () => {
    const bytes = behind(...Array<Buffer>(5).fill(segment(65_000)));
    const reads: number[] = [];
    const source = {
      sizeBytes: bytes.length,
      read: async (start: number, end: number) => {
        reads.push(end - start);
        return bytes.subarray(start, end);
      },
    };
    expect(await inspectFile(source)).to.include({ width: 300, height: 200 });
    expect(reads.length).to.be.at.most(6);
    expect(Math.max(...reads)).to.equal(64 * 1024);
    const whole = await inPages(source).read(60_000, 200_000);
    expect(whole.equals(bytes.subarray(60_000, 200_000))).to.equal(true);
    const outage = new Error('the bucket is away');
    const sound = mp3Of(1_000);
    const away = {
      sizeBytes: sound.length,
      read: async (start: number, end: number) => {
        if (start > 0) throw outage;
        return sound.subarray(start, end);
      },
    };
    expect(await inspectFile(away).catch((error: unknown) => error)).to.equal(outage);
  });
});

function pngOf(pixels: number): Buffer {
  const bytes = Buffer.from(png);
  bytes.writeUInt32BE(pixels, 16);
  bytes.writeUInt32BE(pixels, 20);
  return bytes;
}
