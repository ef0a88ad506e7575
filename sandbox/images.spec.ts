import { crc32, inflateSync } from 'node:zlib';
import { expect } from 'chai';
import { request } from 'undici';
import {
  type ApiErrorBody,
  behave,
  calls,
  type ImagesBody,
  post,
  withSandbox,
} from './testing/kit.js';

describe('sandbox images', () => {
  const sandbox = withSandbox();
  const generate = (body: Record<string, unknown>, headers = {}, personality = 'aurora') =>
    post<ImagesBody & ApiErrorBody>(
      `${sandbox.url()}/${personality}/v1/images/generations`,
      { model: 'image-1', ...body },
      headers,
    );
  const pngOf = async (body: Record<string, unknown>, personality = 'aurora') => {
    const asked = { response_format: 'b64_json', ...body };
    const reply = await generate(asked, {}, personality);
    expect(reply.status).to.equal(200);
    return Buffer.from(reply.body.data[0]!.b64_json!, 'base64');
  };
  const download = async (url: string) => {
    const { statusCode, headers, body } = await request(url);
    const bytes = Buffer.from(await body.arrayBuffer());
    return { status: statusCode, type: headers['content-type'], bytes };
  };

  it('paints a real PNG of 512 × 512 that depends on prompt, model and personality', async () => {
    const fox = await pngOf({ prompt: 'a red fox' });
    const { width, height, colours } = decoded(fox);
    expect([width, height]).to.deep.equal([512, 512]);
    expect(colours).to.be.greaterThan(1000);
    expect(await pngOf({ prompt: 'a red fox' })).to.deep.equal(fox);
    for (const other of [
      await pngOf({ prompt: 'a blue whale' }),
      await pngOf({ prompt: 'a red fox', model: 'image-2' }),
      await pngOf({ prompt: 'a red fox' }, 'borealis'),
    ]) {
      expect(decoded(other).pixels.equals(decoded(fox).pixels)).to.equal(false);
    }
  });

  it('paints the size that is asked for, from 256 to 1792', async () => {
    for (const [size, sides] of [
      ['256x300', [256, 300]],
      ['1792x1024', [1792, 1024]],
      ['auto', [512, 512]],
    ] as const) {
      const { width, height } = decoded(await pngOf({ prompt: 'x', size }));
      expect([width, height]).to.deep.equal(sides);
    }
  });

  it('points to files that can be fetched again after a restart', async () => {
    const asked = { prompt: 'the sea at night', n: 3, size: '256x256' };
    const { body } = await generate(asked);
    const urls = body.data.map(({ url }) => url!);
    const pictures = await Promise.all(urls.map(download));
    expect(pictures.map(({ status, type }) => [status, type])).to.deep.equal(
      urls.map(() => [200, 'image/png']),
    );
    expect(new Set(pictures.map(({ bytes }) => bytes.toString('hex'))).size).to.equal(3);
    expect(await pngOf(asked)).to.deep.equal(pictures[0]!.bytes);
    await sandbox.restart();
    const moved = new URL(new URL(urls[0]!).pathname, sandbox.url()).href;
    expect((await download(moved)).bytes).to.deep.equal(pictures[0]!.bytes);
  });

  it('knows no file that was never made', async () => {
    const { body } = await generate({ prompt: 'x' });
    const url = body.data[0]!.url!;
    for (const made of [url.replace('512x512', '512x513'), `${url}x`, url.replace('img', '..')]) {
      expect((await download(made)).status).to.equal(404);
    }
  });

  it('answers a repeated key with the original picture, unpaid', async () => {
    const asked = { prompt: 'a red fox', response_format: 'b64_json', size: '256x256' };
    const first = await generate(asked, { 'idempotency-key': 'k1' });
    const again = await generate(asked, { 'idempotency-key': 'k1' });
    expect(again.headers['idempotent-replayed']).to.equal('true');
    expect(again.body).to.deep.equal(first.body);
    const record = await calls(sandbox.url());
    expect(record.map(({ paid, replayed }) => [paid, replayed])).to.deep.equal([
      [true, false],
      [false, true],
    ]);
  });

  it('refuses what is wrong', async () => {
    const cases: [Record<string, unknown>, string | null, string | null][] = [
      [{}, 'prompt', null],
      [{ prompt: ' ' }, 'prompt', null],
      [{ prompt: 'x', n: 5 }, 'n', null],
      [{ prompt: 'x', size: '512' }, 'size', 'invalid_size'],
      [{ prompt: 'x', size: '128x512' }, 'size', 'invalid_size'],
      [{ prompt: 'x', size: '512x1800' }, 'size', 'invalid_size'],
      [{ prompt: 'x', response_format: 'jpeg' }, 'response_format', null],
      [{ prompt: 'x', model: 5 }, 'model', null],
      [{ prompt: 'x [[moderation]]' }, null, 'content_policy_violation'],
    ];
    for (const [body, param, code] of cases) {
      const reply = await generate(body);
      expect(reply.status, JSON.stringify(body)).to.equal(400);
      expect(reply.body.error).to.deep.include({ param, code });
    }
  });

  it('lets faults strike downloads instead of calls', async () => {
    await behave(sandbox.url(), {
      aurora: { faultsOn: 'files', errorRate: 1, errorStatus: 503, retryAfterSeconds: 2 },
    });
    const { status, body } = await generate({ prompt: 'x', size: '256x256' });
    const failed = await request(body.data[0]!.url!);
    expect([status, failed.statusCode, failed.headers['retry-after']]).to.deep.equal([
      200,
      503,
      '2',
    ]);
    await failed.body.dump();
  });
});

/** A reader of the PNG standard, independent of the encoder: every chunk, CRC and filter. */
function decoded(png: Buffer) {
  expect(png.toString('hex', 0, 8)).to.equal('89504e470d0a1a0a');
  const chunks: { type: string; data: Buffer }[] = [];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + length);
    expect(png.readUInt32BE(at + 8 + length)).to.equal(
      crc32(png.subarray(at + 4, at + 8 + length)),
    );
    chunks.push({ type, data });
    at += length + 12;
  }
  expect(chunks.map(({ type }) => type)).to.deep.equal(['IHDR', 'IDAT', 'IEND']);
  const header = chunks[0]!.data;
  const width = header.readUInt32BE(0);
  const height = header.readUInt32BE(4);
  expect([...header.subarray(8)]).to.deep.equal([8, 2, 0, 0, 0]);
  const pixels = inflateSync(chunks[1]!.data);
  const stride = width * 3 + 1;
  expect(pixels.length).to.equal(stride * height);
  const colours = new Set<number>();
  for (let row = 0; row < height; row++) {
    expect(pixels[row * stride]).to.equal(1);
    for (let i = row * stride + 4; i < (row + 1) * stride; i++) {
      pixels[i] = pixels[i]! + pixels[i - 3]!;
    }
    for (let i = row * stride + 1; i < (row + 1) * stride; i += 3) {
      colours.add(pixels.readUIntBE(i, 3));
    }
  }
  return { width, height, pixels, colours: colours.size };
}
