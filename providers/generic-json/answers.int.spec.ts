import { expect } from 'chai';
import { parse } from 'yaml';
import type { GenericEntry } from '../../contracts/catalogue/generic-entry.js';
import { openProviders } from '../open-providers.js';
import type { ProviderCall, ProviderOutcome, Providers } from '../port.js';
import { providerAt } from '../testing/contract.js';
import { inputFile } from '../testing/input-files.js';
import { json, openStage, type Stage } from '../testing/stage.js';

const described = (yaml: string) => parse(yaml) as GenericEntry;

describe('provider adapter: generic-json, answers that are errors or too much', () => {
  let stage: Stage;
  let providers: Providers;

  beforeEach(async () => {
    stage = await openStage();
    providers = openProviders({ credentials: () => undefined });
  });
  afterEach(async () => {
    await providers.close();
    await stage.close();
  });

  const call = (generic: GenericEntry, input: ProviderCall['input'], more: object = {}) =>
    providers.adapter('generic-json').call({
      provider: { ...providerAt(stage.url, 'generic-json'), generic },
      providerModel: 'm',
      modality: generic.modality,
      input,
      dispatchKey: 'k',
      timeoutMs: 2_000,
      signal: new AbortController().signal,
      ...more,
    });

  it('charges a sound by its own length where the answer does not tell it', async () => {
    const heard = described(`
modality: transcription
request: { path: /p, body: { audio: '{{ input.audio }}' } }
output: { text: words, duration_ms: ms }
usage: { seconds: length }
`);
    const input = { audio: 'file_0b5c3a52-6f0e-4e0a-9a53-0d4a5d1f2b7c' };
    const sound = { ...inputFile('audio/mpeg', Buffer.from('mp3')), durationMs: 4_500 };
    const files = new Map([[input.audio, sound]]);
    for (const [told, durationMs, seconds] of [
      [{ length: null }, 4_500, 4.5],
      [{ length: '' }, 4_500, 4.5],
      [{ length: 5 }, 4_500, 5],
      [{ ms: 5_250 }, 5_250, 5.25],
    ] as const) {
      stage.play(json({ words: 'Hello', ...told }));
      expect(await call(heard, input, { files }), JSON.stringify(told)).to.deep.equal({
        kind: 'succeeded',
        output: { modality: 'transcription', text: 'Hello', segments: [], durationMs },
        usage: { seconds },
      });
    }
  });

  it('takes a text that says it failed for a failed attempt, and a path for a place', async () => {
    const text = described(`
modality: text
request: { path: /p, body: { prompt: '{{ input.prompt }}' } }
output: { text: words, finish_reason: why }
finish_reasons: { soft_error: stop }
`);
    stage.play(json({ words: 'Half', why: 'server_error' }));
    expect(await call(text, { prompt: 'x' })).to.include({
      kind: 'failed',
      code: 'GENERATION_FAILED',
      detail: 'finish reason server_error',
    });
    stage.play(json({ words: 'Whole', why: 'soft_error' }));
    const whole = await call(text, { prompt: 'x' });
    expect(whole).to.have.nested.property('output.finishReason', 'stop');
    const image = described(`
modality: image
request: { path: /p, body: { prompt: '{{ input.prompt }}' } }
output: { images: image }
`);
    for (const [given, images] of [
      ['/files/boat.png?x=1', [{ url: '/files/boat.png?x=1' }]],
      ['/9j/4AAQSkZJRgABAQ==', [{ base64: '/9j/4AAQSkZJRgABAQ==' }]],
    ] as const) {
      stage.play(json({ image: given }));
      const outcome = await call(image, { prompt: 'x' });
      expect(outcome).to.have.deep.nested.property('output.images', images);
    }
  });

  it('takes an error for what the catalogue says, wherever it stands', async () => {
    const generic = described(`
modality: image
request: { path: /p, body: { prompt: '{{ input.prompt }}' } }
output: { images: image }
errors:
  when: base.code != 0
  code: base.code
  message: base.text
  codes: { '1026': CONTENT_MODERATION_REJECTED, '10*': MODEL_OVERLOADED }
  messages: { too many pixels: INPUT_VALIDATION_ERROR }
`);
    const told = async (code: number, text: string, status = 200): Promise<ProviderOutcome> => {
      stage.play(json({ base: { code, text: `canary ${text}` } }, status, { 'retry-after': '7' }));
      return call(generic, { prompt: 'x' });
    };
    const short = async (...args: Parameters<typeof told>) => {
      const outcome = await told(...args);
      return outcome.kind === 'failed' ? [outcome.code, outcome.detail] : outcome;
    };
    const inside = 'error inside a 2xx';
    expect([
      await short(1026, ''),
      await short(1039, ''),
      await short(7, 'Too Many Pixels!'),
      await short(7, 'what?'),
      await short(1026, '', 500),
      await short(7, '', 403),
    ]).to.deep.equal([
      ['CONTENT_MODERATION_REJECTED', `${inside} (1026)`],
      ['MODEL_OVERLOADED', `${inside} (10*)`],
      ['INPUT_VALIDATION_ERROR', `${inside} (too many pixels)`],
      ['GENERATION_FAILED', inside],
      ['CONTENT_MODERATION_REJECTED', 'HTTP 500 (1026)'],
      ['MODEL_UNAVAILABLE', 'HTTP 403'],
    ]);
    expect(await told(7, 'what?')).to.include({ retryAfterMs: 7_000 });
    stage.play(json({ base: { code: 0 }, image: 'data:image/png;base64,AAAA' }));
    expect(await call(generic, { prompt: 'x' })).to.deep.include({
      output: { modality: 'image', images: [{ url: 'data:image/png;base64,AAAA' }] },
    });
  });

  it('is not held up by an answer of a million objects', async () => {
    const generic = described(`
modality: image
request: { path: /p, body: { prompt: x } }
output: { images: 'data.a.b.c.d' }
`);
    stage.play(json(`{"data":[${'{},'.repeat(1_000_000)}{}]}`));
    const began = Date.now();
    expect(await call(generic, {}, { timeoutMs: 5_000 })).to.include({ kind: 'failed' });
    expect(Date.now() - began).to.be.below(4_000);
  });
});
