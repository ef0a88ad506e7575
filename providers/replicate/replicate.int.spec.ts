import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { openProviders } from '../open-providers.js';
import type { JobOutcome, ProviderCall, Providers } from '../port.js';
import { providerAdapterContract, providerAt } from '../testing/contract.js';
import { providerJobsContract } from '../testing/jobs-contract.js';
import { json, openStage, type Stage } from '../testing/stage.js';

const call = {
  modality: 'image',
  input: { prompt: 'canary-prompt-1b2f boat', aspect_ratio: '3:2', num_images: 2 },
} as const;

const prediction = (status: string, more: object = {}) => ({
  id: 'gm3qorzdhgbfurvjtvhg6dckhu',
  model: 'black-forest-labs/flux-schnell',
  version: 'hidden',
  input: {},
  logs: '',
  output: null,
  error: null,
  status,
  created_at: '2026-11-27T10:00:00.000Z',
  urls: { get: 'https://api.example/x', cancel: 'https://api.example/x/cancel' },
  ...more,
});

providerAdapterContract('replicate', {
  adapter: 'replicate',
  path: '/models/model-1/predictions',
  body: { input: call.input },
  call,
  answersLater: true,
  answer: prediction('starting'),
  outcome: { kind: 'accepted', providerJobId: 'gm3qorzdhgbfurvjtvhg6dckhu' },
});

const A = 'https://replicate.delivery/pbxt/a/out-0.webp';
const B = 'https://replicate.delivery/pbxt/b/out-1.webp';
const body = (status: string, more: object = {}) => ({ body: prediction(status, more) });

const failed = (code: string, detail: string, retryable = true, countsAsFailure = true) =>
  ({ kind: 'failed', code, retryable, countsAsFailure, detail }) as JobOutcome;

const broken = (detail: string) => failed('GENERATION_FAILED', detail);

providerJobsContract('replicate', {
  adapter: 'replicate',
  call,
  pollPath: (id) => `/v1/predictions/${id}`,
  answers: {
    'a job that starts': { ...body('starting'), means: { kind: 'pending' } },
    'a job that runs': { ...body('processing', { output: [A] }), means: { kind: 'pending' } },
    'no more pictures than were asked for': {
      ...body('succeeded', { output: [A, B, A], metrics: { predict_time: 1.2, image_count: 3 } }),
      means: {
        kind: 'succeeded',
        output: { modality: 'image', images: [{ url: A }, { url: B }] },
        usage: { images: 2 },
      },
    },
    'a success without a picture': {
      ...body('succeeded', { output: ['file:///etc/passwd', 7] }),
      means: { ...broken('the job succeeded without image'), elsewhere: true } as JobOutcome,
    },
    'a success whose pictures were taken away': {
      ...body('succeeded', { data_removed: true }),
      means: {
        ...broken('the job succeeded and its output was removed'),
        elsewhere: true,
      } as JobOutcome,
    },
    'a job that was interrupted': {
      ...body('failed', { error: 'Prediction interrupted; please retry (code: PA)' }),
      means: failed('MODEL_UNAVAILABLE', 'the job failed (unavailable)'),
    },
    'a job that moderation refused': {
      ...body('failed', {
        error: 'The input or output was flagged as sensitive. canary (E005)',
      }),
      means: failed(
        'CONTENT_MODERATION_REJECTED',
        'the job failed (E005, moderation)',
        false,
        false,
      ),
    },
    'a job that found no room': {
      ...body('failed', { error: 'Service is currently unavailable due to high demand (E003)' }),
      means: failed('MODEL_OVERLOADED', 'the job failed (E003, overloaded)'),
    },
    'a job that failed for a reason of its own': {
      ...body('failed', { error: 'canary: list index out of range' }),
      means: broken('the job failed'),
    },
    'a job that was cancelled there': {
      ...body('canceled'),
      means: failed('GENERATION_FAILED', 'the job was cancelled at the provider', true, false),
    },
    'a job that never began': {
      ...body('aborted'),
      means: failed('GENERATION_TIMEOUT', 'the job passed its deadline at the provider'),
    },
  },
  forgotten: {
    status: 404,
    body: { detail: 'The requested resource could not be found.', status: 404 },
  },
  cancelled: prediction('canceled'),
});

const SECRET = `whsec_${Buffer.from('a-signing-secret-of-24-b').toString('base64')}`;

describe('provider adapter: replicate, its own', () => {
  let stage: Stage;
  let providers: Providers;

  beforeEach(async () => {
    stage = await openStage();
    providers = openProviders({ credentials: (name) => (name === 'SECRET' ? SECRET : undefined) });
  });
  afterEach(async () => {
    await providers.close();
    await stage.close();
  });

  const provider = (more: object = {}) => ({ ...providerAt(stage.url, 'replicate'), ...more });
  const run = (more: Partial<ProviderCall> = {}) =>
    providers.adapter('replicate').call({
      ...call,
      provider: provider(),
      providerModel: 'black-forest-labs/flux-schnell',
      dispatchKey: 'k',
      timeoutMs: 2_000,
      signal: new AbortController().signal,
      ...more,
    });

  it('asks models, deployments and versions where each is, and to be called back', async () => {
    const hex = 'a1'.repeat(32);
    stage.play(json(prediction('starting'), 201));
    const callbackUrl = 'https://models.example/v1/callbacks/token';
    await run({ callbackUrl });
    await run({ providerModel: 'deployments/acme/fast' });
    await run({ providerModel: `acme/model:${hex}` });
    expect(stage.seen.map(({ path }) => path)).to.deep.equal([
      '/base/v1/models/black-forest-labs/flux-schnell/predictions',
      '/base/v1/deployments/acme/fast/predictions',
      '/base/v1/predictions',
    ]);
    expect(stage.seen.map((seen) => seen.body)).to.deep.equal([
      { input: call.input, webhook: callbackUrl, webhook_events_filter: ['completed'] },
      { input: call.input },
      { version: hex, input: call.input },
    ]);
  });

  it('calls inputs as the model does, and sends a file as data', async () => {
    stage.play(json(prediction('starting'), 201));
    const file = 'file_11111111-1111-4111-8111-111111111111';
    const bytes = Buffer.from('PNG');
    await run({
      input: { prompt: 'p', image: file, num_images: 2, seed: 3 },
      inputMap: { num_images: 'num_outputs', image: 'image_prompt', seed: null },
      routeRequest: { add: { output_format: 'png' } },
      files: new Map([
        [
          file,
          {
            contentType: 'image/png',
            sizeBytes: 3,
            bytes: async () => bytes,
            stream: () => Promise.reject(new Error('not asked for')),
          },
        ],
      ]),
    });
    expect(stage.seen[0]?.body).to.deep.equal({
      input: {
        output_format: 'png',
        prompt: 'p',
        image_prompt: `data:image/png;base64,${bytes.toString('base64')}`,
        num_outputs: 2,
      },
    });
  });

  it('sends a list as a text of JSON, or its first, where the model wants it so', async () => {
    stage.play(json(prediction('starting'), 201));
    await run({
      input: { texts: ['a', 'b'], tags: ['x', 'y'], size: 7 },
      inputMap: { texts: 'text_batch', tags: 'tag' },
      routeRequest: { as: { texts: 'json', tags: 'first', size: 'first' } },
    });
    const input = { text_batch: '["a","b"]', tag: 'x', size: 7 };
    expect(stage.seen[0]?.body).to.deep.equal({ input });
  });

  it('blames the caller only for what the caller wrote', async () => {
    const refused = (field: string) =>
      json(
        {
          title: 'Input validation failed',
          detail: `- input.${field}: canary must be less than or equal to 4\n`,
          status: 422,
        },
        422,
      );
    const inputMap = { num_images: 'num_outputs' };
    const routeRequest = { add: { steps: 99 } };
    stage.play(refused('num_outputs'));
    expect(await run({ inputMap, routeRequest })).to.deep.equal({
      kind: 'failed',
      code: 'INPUT_VALIDATION_ERROR',
      retryable: false,
      countsAsFailure: false,
      detail: 'HTTP 422',
      details: [
        {
          field: 'num_images',
          code: 'invalid',
          message: 'The model does not take this value.',
        },
      ],
    });
    stage.play(refused('steps'));
    const refusal = await run({ inputMap, routeRequest });
    expect(refusal).to.include({ code: 'MODEL_UNAVAILABLE', retryable: true });
  });

  it('reads texts, sounds and videos, and what they used', async () => {
    const read = async (more: object, asked: Partial<ProviderCall>) => {
      stage.play(json(prediction('succeeded', more), 201));
      return run(asked);
    };
    expect(
      await read(
        { output: ['Hel', 'lo.'], metrics: { input_token_count: 5, output_token_count: 2 } },
        { modality: 'text', input: { prompt: 'p' } },
      ),
    ).to.deep.equal({
      kind: 'succeeded',
      output: { modality: 'text', text: 'Hello.', finishReason: 'stop' },
      usage: { inputTokens: 5, outputTokens: 2 },
    });
    const beyond = { input_token_count: 1e9, output_token_count: 1e9 };
    expect(
      await read(
        { output: 'Hi.', metrics: beyond },
        { modality: 'text', input: { prompt: 'p', max_tokens: 3 } },
      ),
    ).to.deep.include({ usage: { inputTokens: 17, outputTokens: 3 } });
    expect(
      await read({ output: [''] }, { modality: 'text', input: { prompt: 'p' } }),
    ).to.have.nested.property('output.finishReason', 'other');
    const mp4 = 'https://replicate.delivery/a.mp4';
    expect(
      await read(
        { output: mp4, metrics: { predict_time: 40, video_output_duration_seconds: 5 } },
        { modality: 'video', input: { prompt: 'p', duration_s: 6 } },
      ),
    ).to.deep.equal({
      kind: 'succeeded',
      output: { modality: 'video', video: { url: mp4 } },
      usage: { seconds: 5 },
    });
    const wav = 'https://replicate.delivery/a.wav';
    expect(
      await read(
        { output: { audio: wav }, metrics: { predict_time: 1.5 } },
        { modality: 'audio', input: { text: 'äh' } },
      ),
    ).to.deep.equal({
      kind: 'succeeded',
      output: { modality: 'audio', audio: { url: wav } },
      usage: { characters: 2, seconds: 1.5 },
    });
  });

  const signed = (text: string, secret = SECRET) => {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    const hmac = createHmac('sha256', key).update(`msg_1.1700000000.${text}`).digest('base64');
    return {
      headers: {
        'webhook-id': 'msg_1',
        'webhook-timestamp': '1700000000',
        'webhook-signature': `v1,b3RoZXI= v1,${hmac}`,
      },
      body: Buffer.from(text),
    };
  };
  const check = (callback: ReturnType<typeof signed>, more: object = {}) =>
    providers.adapter('replicate').checkCallback?.(callback, {
      provider: provider(more),
      timeoutMs: 1_000,
      signal: new AbortController().signal,
    });

  it('knows its callbacks by the secret of a variable', async () => {
    const given = { webhookSecretEnv: 'SECRET' };
    const genuine = signed('{"a":1}');
    expect(await check(genuine, given)).to.equal('genuine');
    expect(await check({ ...genuine, body: Buffer.from('{"a":2}') }, given)).to.equal('forged');
    expect(await check({ ...genuine, headers: {} as never }, given)).to.equal('forged');
    expect(await check(genuine, { webhookSecretEnv: 'NOT_SET' })).to.equal('unchecked');
    expect(stage.seen).to.deep.equal([]);
  });

  it('asks for the secret once, and again when it may have changed', async () => {
    stage.play(json({ error: 'no' }, 500));
    expect(await check(signed('x'))).to.equal('unchecked');
    await providers.close();
    providers = openProviders({ credentials: () => undefined });
    stage.play(json({ key: SECRET }));
    const before = stage.seen.length;
    expect(await check(signed('x'))).to.equal('genuine');
    expect(await check(signed('y'))).to.equal('genuine');
    const other = `whsec_${Buffer.from('another').toString('base64')}`;
    for (let n = 0; n < 5; n++) expect(await check(signed('x', other))).to.equal('forged');
    expect(stage.seen.length - before).to.be.at.most(2);
    expect(stage.seen.at(-1)?.path).to.equal('/base/v1/webhooks/default/secret');
  });

  it('reads a callback as it reads an answer', () => {
    const adapter = providers.adapter('replicate');
    const read = (text: string) =>
      adapter.readCallback?.(
        { headers: {}, body: Buffer.from(text) },
        { ...call, provider: provider(), providerModel: 'm', dispatchKey: 'k' },
      );
    expect(read(JSON.stringify(prediction('succeeded', { output: A })))).to.deep.equal({
      providerJobId: 'gm3qorzdhgbfurvjtvhg6dckhu',
      outcome: {
        kind: 'succeeded',
        output: { modality: 'image', images: [{ url: A }] },
        usage: { images: 1 },
      },
    });
    for (const text of ['', 'null', '[]', '{"status":"succeeded"}', '{"id":""}', '{"id":7}'])
      expect(read(text)).to.equal('unreadable');
  });
});
