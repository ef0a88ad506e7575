import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { expect } from 'chai';
import { openProviders } from '../open-providers.js';
import type { JobOutcome, PolledJob, ProviderCall, Providers } from '../port.js';
import { providerAdapterContract, providerAt } from '../testing/contract.js';
import { providerJobsContract } from '../testing/jobs-contract.js';
import { json, openStage, type Stage } from '../testing/stage.js';

const call = {
  modality: 'image',
  input: { prompt: 'canary-prompt-1b2f boat', num_images: 2 },
} as const;

const ID = '764cabcf-b745-4b3e-ae38-1200304cf45b';

providerAdapterContract('fal', {
  adapter: 'fal',
  path: '/model-1',
  version: '',
  scheme: 'Key',
  body: call.input,
  answersLater: true,
  call,
  answer: {
    request_id: ID,
    response_url: `https://queue.example/model-1/requests/${ID}`,
    status_url: `https://queue.example/model-1/requests/${ID}/status`,
    cancel_url: `https://queue.example/model-1/requests/${ID}/cancel`,
    queue_position: 0,
  },
  outcome: { kind: 'accepted', providerJobId: ID },
});

const A = { url: 'https://v3.fal.media/files/a/one.png', width: 512, content_type: 'image/png' };
const B = { url: 'https://v3.fal.media/files/b/two.png', width: 512, content_type: 'image/png' };
const completed = (more: object) => ({ body: { status: 'COMPLETED', ...more } });

const failed = (
  code: string,
  detail: string,
  retryable = true,
  countsAsFailure = true,
): JobOutcome => ({ kind: 'failed', code, retryable, countsAsFailure, detail }) as JobOutcome;

/** The stage plays one answer to both questions: the status and the result. */
providerJobsContract('fal', {
  adapter: 'fal',
  call,
  scheme: 'Key',
  cancelMethod: 'PUT',
  pollPath: (id) => `/model-1/requests/${id}/status`,
  answers: {
    'a job that waits': {
      body: { status: 'IN_QUEUE', queue_position: 3 },
      means: { kind: 'pending' },
    },
    'a job that runs': { body: { status: 'IN_PROGRESS', logs: [] }, means: { kind: 'pending' } },
    'no more pictures than were asked for': {
      ...completed({ images: [A, B, A], has_nsfw_concepts: [false, false, false] }),
      means: {
        kind: 'succeeded',
        output: { modality: 'image', images: [{ url: A.url }, { url: B.url }] },
        usage: { images: 2 },
      },
    },
    'the pictures that were not blocked': {
      ...completed({ images: [A, B], has_nsfw_concepts: [true, false] }),
      means: {
        kind: 'succeeded',
        output: { modality: 'image', images: [{ url: B.url }] },
        usage: { images: 1 },
      },
    },
    'pictures that were all blocked': {
      ...completed({ images: [A, B], has_nsfw_concepts: [true, true] }),
      means: failed('CONTENT_MODERATION_REJECTED', 'every image was blocked', false, false),
    },
    'a success without a picture': {
      ...completed({ images: [] }),
      means: {
        ...failed('GENERATION_FAILED', 'the job succeeded without image'),
        elsewhere: true,
      } as JobOutcome,
    },
  },
  forgotten: { status: 404, body: { detail: 'Request not found' } },
  cancelled: { status: 'CANCELLATION_REQUESTED' },
});

describe('provider adapter: fal, its own', () => {
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

  const provider = (more: object = {}) => ({ ...providerAt(stage.url, 'fal'), ...more });
  const run = (more: Partial<ProviderCall> = {}) =>
    providers.adapter('fal').call({
      ...call,
      provider: provider(),
      providerModel: 'fal-ai/flux/dev',
      dispatchKey: 'k',
      timeoutMs: 2_000,
      signal: new AbortController().signal,
      ...more,
    });
  const poll = (providerModel = 'fal-ai/flux/dev') =>
    providers.adapter('fal').poll?.({
      ...call,
      provider: provider(),
      providerModel,
      providerJobId: ID,
      dispatchKey: 'k',
      timeoutMs: 2_000,
      signal: new AbortController().signal,
    });

  it('asks the endpoint of an app, and about its requests below the app alone', async () => {
    stage.play(json({ request_id: ID }));
    const callbackUrl = 'https://models.example/v1/callbacks/token';
    await run({ callbackUrl });
    stage.play(json({ status: 'COMPLETED', images: [A] }));
    await poll();
    const [submitted, ...asked] = stage.seen.map(({ path }) => path);
    expect(submitted).to.equal(
      `/base/fal-ai/flux/dev?fal_webhook=${encodeURIComponent(callbackUrl)}`,
    );
    expect(asked).to.deep.equal([
      `/base/fal-ai/flux/requests/${ID}/status`,
      `/base/fal-ai/flux/requests/${ID}`,
    ]);
  });

  /** What the result of a finished request is refused with. */
  const resultRefused = async (body: unknown, status = 422, statusMore: object = {}) => {
    stage.play((response, { path }) =>
      path.endsWith('/status')
        ? json({ status: 'COMPLETED', ...statusMore })(response, stage.seen[0]!)
        : json(body, status)(response, stage.seen[0]!),
    );
    return poll();
  };

  it('reads why a finished request failed', async () => {
    const detail = (type: string, field: string, more: object = {}) => ({
      detail: [{ loc: ['body', field], msg: 'canary', type, input: 'canary', ...more }],
    });
    const moderated = detail('content_policy_violation', 'prompt', { categories: ['sexual'] });
    const rejected = await resultRefused(moderated);
    expect(rejected).to.include({
      kind: 'failed',
      code: 'CONTENT_MODERATION_REJECTED',
      retryable: false,
    });
    expect(JSON.stringify(rejected)).to.include('"sexual"').and.not.include('canary');
    expect(await resultRefused(detail('no_media_generated', 'prompt'))).to.include({
      code: 'GENERATION_FAILED',
      retryable: true,
    });
    expect(await resultRefused(detail('generation_timeout', 'prompt'), 504)).to.include({
      kind: 'failed',
      code: 'GENERATION_TIMEOUT',
    });
    const tooSmall = await resultRefused(detail('image_too_small', 'prompt'));
    expect(tooSmall).to.include({ code: 'INPUT_VALIDATION_ERROR', retryable: false });
    const told = { error: 'Internal server error' };
    expect(await resultRefused('oops', 500, told)).to.include({ code: 'GENERATION_FAILED' });
    expect(await resultRefused('oops', 502)).to.include({ kind: 'pending' });
  });

  it('takes errors of the queue, a list alone and a text for the end of a request', async () => {
    const alone = [{ loc: ['body', 'prompt'], msg: 'canary', type: 'content_policy_violation' }];
    expect(await resultRefused(alone)).to.include({ code: 'CONTENT_MODERATION_REJECTED' });
    const types: readonly (readonly [string, string])[] = [
      ['request_timeout', 'GENERATION_TIMEOUT'],
      ['startup_timeout', 'MODEL_UNAVAILABLE'],
      ['runner_scheduling_failure', 'MODEL_OVERLOADED'],
      ['runner_disconnected', 'GENERATION_FAILED'],
      ['unheard_of', 'GENERATION_FAILED'],
    ];
    for (const [type, code] of types) {
      const told = { error: 'canary', error_type: type };
      const outcome = await resultRefused({ detail: 'canary', error_type: type }, 503, told);
      expect(outcome, type).to.include({ kind: 'failed', code, retryable: true });
      expect(JSON.stringify(outcome)).not.to.include('canary');
    }
    const text = { detail: 'Could not generate images with the given prompts and images.' };
    expect(await resultRefused(text, 422)).to.include({ code: 'GENERATION_FAILED' });
    expect(await resultRefused({ detail: 'Your input was flagged.' }, 422)).to.include({
      code: 'CONTENT_MODERATION_REJECTED',
    });
    expect(await resultRefused({ detail: 'Request not found' }, 404)).to.include({
      kind: 'unknown',
    });
    for (const [status, detail] of [
      [401, 'Authentication is required'],
      [429, 'Too many requests'],
      [503, 'Service unavailable'],
    ] as const)
      expect(await resultRefused({ detail }, status)).to.include({ kind: 'pending' });
  });

  it('asks about a workflow below its namespace', async () => {
    stage.play(json({ status: 'IN_QUEUE' }));
    await poll('workflows/acme/sharpen');
    await poll('comfy/acme/sharpen/fast');
    expect(stage.seen.map(({ path }) => path)).to.deep.equal([
      `/base/workflows/acme/sharpen/requests/${ID}/status`,
      `/base/comfy/acme/sharpen/requests/${ID}/status`,
    ]);
  });

  it('reads transcriptions and vectors', async () => {
    const read = async (payload: object, asked: Partial<PolledJob>) => {
      const reading = await providers.adapter('fal').readCallback?.(
        {
          headers: {},
          body: Buffer.from(JSON.stringify({ request_id: ID, status: 'OK', payload })),
        },
        { ...call, provider: provider(), providerModel: 'm', dispatchKey: 'k', ...asked },
      );
      return typeof reading === 'object' ? reading.outcome : reading;
    };
    const chunks = [
      { timestamp: [0, 1.5], text: ' Hello there.' },
      { timestamp: [1.5, null], text: ' Bye.' },
    ];
    const heard = { text: ' Hello there. Bye.', chunks, inferred_languages: ['en'] };
    const output = {
      modality: 'transcription',
      text: 'Hello there. Bye.',
      segments: [
        { startMs: 0, endMs: 1_500, text: 'Hello there.' },
        { startMs: 1_500, endMs: 1_500, text: 'Bye.' },
      ],
      language: 'en',
    };
    const asked = { modality: 'transcription', input: { audio: 'file_1' } } as const;
    expect(await read(heard, { ...asked, heardMs: 2_250 })).to.deep.equal({
      kind: 'succeeded',
      output: { ...output, durationMs: 2_250 },
      usage: { seconds: 2.25 },
    });
    expect(await read(heard, asked), 'where nobody measured it').to.deep.equal({
      kind: 'succeeded',
      output: { ...output, durationMs: 1_500 },
      usage: { seconds: 1.5 },
    });
    const vectors = {
      data: [
        { index: 1, embedding: [3, 4] },
        { index: 0, embedding: [1, 2] },
      ],
    };
    const texts = { modality: 'embedding', input: { texts: ['a', 'b'] } } as const;
    expect(await read({ ...vectors, usage: { prompt_tokens: 3 } }, texts)).to.deep.equal({
      kind: 'succeeded',
      output: {
        modality: 'embedding',
        embeddings: [
          [1, 2],
          [3, 4],
        ],
      },
      usage: { inputTokens: 3 },
    });
    expect(await read({ embeddings: [[1, 2]] }, texts)).to.include({ code: 'GENERATION_FAILED' });
  });

  it('reads texts, sounds and videos', async () => {
    const read = (payload: object, asked: Partial<ProviderCall>) =>
      providers.adapter('fal').readCallback?.(
        {
          headers: {},
          body: Buffer.from(JSON.stringify({ request_id: ID, status: 'OK', payload })),
        },
        { ...call, provider: provider(), providerModel: 'm', dispatchKey: 'k', ...asked },
      );
    const video = { url: 'https://v3.fal.media/files/a.mp4', duration: 5.5 };
    const preview = { url: 'https://v3.fal.media/files/a.png' };
    expect(
      await read({ preview, video }, { modality: 'video', input: { duration_s: 5 } }),
    ).to.deep.equal({
      providerJobId: ID,
      outcome: {
        kind: 'succeeded',
        output: { modality: 'video', video: { url: video.url } },
        usage: { seconds: 5.5 },
      },
    });
    const audio_url = { url: 'https://v3.fal.media/files/a.mp3' };
    expect(await read({ audio_url }, { modality: 'audio', input: { text: 'hi' } })).to.deep.equal({
      providerJobId: ID,
      outcome: {
        kind: 'succeeded',
        output: { modality: 'audio', audio: { url: audio_url.url } },
        usage: { characters: 2 },
      },
    });
    const answer = { output: 'Hello.', usage: { prompt_tokens: 4, completion_tokens: 2 } };
    expect(await read(answer, { modality: 'text', input: { prompt: 'p' } })).to.deep.equal({
      providerJobId: ID,
      outcome: {
        kind: 'succeeded',
        output: { modality: 'text', text: 'Hello.', finishReason: 'stop' },
        usage: { inputTokens: 4, outputTokens: 2 },
      },
    });
  });

  it('reads a callback, and asks where it carries no result', () => {
    const read = (message: unknown) =>
      providers
        .adapter('fal')
        .readCallback?.(
          { headers: {}, body: Buffer.from(JSON.stringify(message)) },
          { ...call, provider: provider(), providerModel: 'm', dispatchKey: 'k' },
        );
    const about = { request_id: ID, gateway_request_id: ID };
    expect(read({ ...about, status: 'OK', payload: null, payload_error: 'canary' })).to.deep.equal({
      providerJobId: ID,
      outcome: { kind: 'pending', detail: 'the callback has no payload' },
    });
    const error = 'Invalid status code: 500';
    expect(read({ ...about, status: 'ERROR', error, payload: null })).to.deep.equal({
      providerJobId: ID,
      outcome: failed('GENERATION_FAILED', 'the job failed (500)'),
    });
    for (const message of [null, [], 'x', {}, { status: 'OK', payload: {} }])
      expect(read(message)).to.equal('unreadable');
  });

  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const keys = (key = publicKey) => ({ keys: [{ ...key.export({ format: 'jwk' }), kid: '1' }] });
  const signed = (text: string, key = privateKey) => {
    const digest = createHash('sha256').update(text).digest('hex');
    const lines = Buffer.from([ID, 'user-1', '1700000000', digest].join('\n'));
    return {
      headers: {
        'x-fal-webhook-request-id': ID,
        'x-fal-webhook-user-id': 'user-1',
        'x-fal-webhook-timestamp': '1700000000',
        'x-fal-webhook-signature': sign(null, lines, key).toString('hex'),
      },
      body: Buffer.from(text),
    };
  };
  const check = (callback: { headers: Record<string, string>; body: Buffer }) =>
    providers.adapter('fal').checkCallback?.(callback, {
      provider: provider({
        credentialEnv: 'NEVER_SENT',
        webhookKeysUrl: `${stage.url}/.well-known/jwks.json`,
      }),
      timeoutMs: 1_000,
      signal: new AbortController().signal,
    });

  it('knows its callbacks by its public keys, asked for once and without a key', async () => {
    stage.play(json(keys()));
    const genuine = signed('{"a":1}');
    expect(await check(genuine)).to.equal('genuine');
    expect(await check(signed('{"a":2}'))).to.equal('genuine');
    expect(await check({ ...genuine, body: Buffer.from('{"a":2}') })).to.equal('forged');
    const { privateKey: other } = generateKeyPairSync('ed25519');
    for (let n = 0; n < 5; n++) expect(await check(signed('x', other))).to.equal('forged');
    expect(await check({ headers: {}, body: Buffer.from('x') })).to.equal('forged');
    expect(stage.seen.length).to.be.at.most(2);
    expect(stage.seen[0]?.path).to.equal('/.well-known/jwks.json');
    expect(stage.seen[0]?.headers).not.to.have.property('authorization');
  });

  it('cannot say whose a callback is while no keys can be had', async () => {
    stage.play(json({ keys: [] }));
    expect(await check(signed('x'))).to.equal('unchecked');
  });
});
