import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { expect } from 'chai';
import { openProviders } from '../open-providers.js';
import type { JobOutcome, ProviderCall, Providers } from '../port.js';
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
  const poll = () =>
    providers.adapter('fal').poll?.({
      ...call,
      provider: provider(),
      providerModel: 'fal-ai/flux/dev',
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
