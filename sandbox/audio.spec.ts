import { expect } from 'chai';
import { request } from 'undici';
import { type ApiErrorBody, calls, type ImagesBody, post, withSandbox } from './testing/kit.js';
import { decodeWav } from './wav.js';

describe('sandbox speech, transcriptions, embeddings and edits', () => {
  const sandbox = withSandbox();
  const at = (path: string, personality = 'aurora') => `${sandbox.url()}/${personality}/v1${path}`;
  const speech = async (body: object, personality = 'aurora', headers = {}) => {
    const answer = await request(at('/audio/speech', personality), {
      method: 'POST',
      headers: { authorization: 'Bearer x', 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: 'tts', voice: 'alloy', ...body }),
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    return { status: answer.statusCode, type: answer.headers['content-type'], bytes };
  };
  const form = async <T>(path: string, fields: Record<string, string | Buffer>) => {
    const data = new FormData();
    for (const [name, value] of Object.entries(fields))
      if (typeof value === 'string') data.append(name, value);
      else data.append(name, new Blob([new Uint8Array(value)]), 'file.bin');
    const headers = { authorization: 'Bearer x' };
    const answer = await fetch(at(path), { method: 'POST', headers, body: data });
    return { status: answer.status, body: (await answer.json()) as T };
  };

  it('speaks a WAV that can be heard, the same for the same words', async () => {
    const text = 'The quick brown fox jumps over the lazy dog.';
    const { status, type, bytes } = await speech({ input: text });
    expect([status, type]).to.deep.equal([200, 'audio/wav']);
    const wav = decodeWav(bytes);
    expect(wav?.text).to.equal(text);
    expect(wav?.seconds).to.be.within(2, 5);
    const loudest = Math.max(...samplesOf(bytes).map(Math.abs));
    expect(loudest).to.be.within(3_000, 32_767);
    expect((await speech({ input: text })).bytes.equals(bytes)).to.equal(true);
    for (const other of [
      await speech({ input: text, voice: 'nova' }),
      await speech({ input: text }, 'borealis'),
    ])
      expect(other.bytes.equals(bytes)).to.equal(false);
    const fast = decodeWav((await speech({ input: text, speed: 2 })).bytes);
    expect(fast?.seconds).to.be.closeTo((wav?.seconds ?? 0) / 2, 0.01);
    const raw = await speech({ input: text, response_format: 'pcm' });
    expect([raw.type, raw.bytes.length / 48_000]).to.deep.equal(['audio/pcm', wav?.seconds]);
  });

  it('hears its own words again, and some words in any other sound', async () => {
    const text = 'Guten Tag. Wie geht es Ihnen?';
    const { bytes } = await speech({ input: text });
    const own = await form<Heard>('/audio/transcriptions', {
      file: bytes,
      model: 'hear',
      response_format: 'verbose_json',
      language: 'de',
    });
    const seconds = decodeWav(bytes)?.seconds ?? 0;
    expect(own.body).to.include({ text, language: 'de', duration: seconds });
    expect(own.body.segments.map((segment) => segment.text)).to.deep.equal([
      'Guten Tag.',
      ' Wie geht es Ihnen?',
    ]);
    expect(own.body.segments.at(-1)?.end).to.be.closeTo(seconds, 0.001);
    const other = { file: Buffer.from('ID3 a sound'), model: 'hear' };
    const heard = await form<Heard>('/audio/transcriptions', other);
    expect(heard.body.text.length).to.be.above(20);
    expect((await form<Heard>('/audio/transcriptions', other)).body).to.deep.equal(heard.body);
  });

  it('makes unit vectors that are near for texts that share words', async () => {
    const ask = (input: unknown, more = {}) =>
      post<Vectors>(at('/embeddings'), { model: 'embed', input, dimensions: 256, ...more });
    const { body } = await ask(['the sea at night', 'the sea by day', 'tax law reform']);
    const [night = [], day = [], law = []] = body.data.map(
      ({ embedding }) => embedding as number[],
    );
    expect(night).to.have.length(256);
    expect(Math.hypot(...night)).to.be.closeTo(1, 1e-6);
    const near = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
    expect(near(night, day)).to.be.above(near(night, law) + 0.2);
    const packed = await ask('the sea at night', { encoding_format: 'base64' });
    const bytes = Buffer.from(packed.body.data[0]?.embedding as string, 'base64');
    expect(bytes.readFloatLE(0)).to.be.closeTo(night[0] ?? NaN, 1e-6);
    expect(body.usage).to.deep.equal({ prompt_tokens: 12, total_tokens: 12 });
  });

  it('paints after a picture, another for another', async () => {
    const paint = async (image: Buffer) => {
      const fields = { image, prompt: 'boat', model: 'm', size: '256x256', n: '2' };
      const made = { ...fields, response_format: 'b64_json' };
      return (await form<ImagesBody>('/images/edits', made)).body.data.map((one) => one.b64_json);
    };
    const one = await paint(Buffer.from('\x89PNG one', 'latin1'));
    expect(one).to.have.length(2);
    expect(await paint(Buffer.from('\x89PNG one', 'latin1'))).to.deep.equal(one);
    expect(await paint(Buffer.from('\x89PNG two', 'latin1'))).to.not.deep.equal(one);
  });

  it('records them, answers a repeated key unpaid, and refuses what is wrong', async () => {
    const key = { 'idempotency-key': 'k1' };
    const first = await speech({ input: 'Hello.' }, 'aurora', key);
    const again = await speech({ input: 'Hello.' }, 'aurora', key);
    expect(again.bytes.equals(first.bytes)).to.equal(true);
    const record = await calls(sandbox.url());
    expect(record.map(({ path, paid, replayed }) => [path, paid, replayed])).to.deep.equal([
      ['/aurora/v1/audio/speech', true, false],
      ['/aurora/v1/audio/speech', false, true],
    ]);
    const refusals: [Promise<{ status: number; body: ApiErrorBody }>, string][] = [
      [post(at('/audio/speech'), { model: 'm', voice: 'v', input: '' }), 'input'],
      [post(at('/audio/speech'), { model: 'm', voice: 'v', input: 'x', speed: 9 }), 'speed'],
      [post(at('/embeddings'), { model: 'm', input: [] }), 'input'],
      [form('/audio/transcriptions', { model: 'm' }), 'file'],
      [form('/images/edits', { model: 'm', prompt: 'x', image: Buffer.from('x') }), 'image'],
    ];
    for (const [answer, param] of refusals) {
      const { status, body } = await answer;
      expect([status, body.error.param]).to.deep.equal([400, param]);
    }
    expect((await post(at('/audio/transcriptions'), { model: 'm' })).status).to.equal(400);
  });
});

interface Heard {
  readonly text: string;
  readonly segments: readonly { readonly end: number; readonly text: string }[];
}

interface Vectors {
  readonly data: readonly { readonly embedding: readonly number[] | string }[];
  readonly usage: object;
}

function samplesOf(wav: Buffer): number[] {
  const start = wav.indexOf('data') + 8;
  const samples: number[] = [];
  for (let at = start; at + 1 < wav.length; at += 2) samples.push(wav.readInt16LE(at));
  return samples.filter((_, index) => index % 7 === 0);
}
