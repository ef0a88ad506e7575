import { expect } from 'chai';
import { parse } from 'yaml';
import type { GenericEntry } from '../../contracts/catalogue/generic-entry.js';
import { InputUnavailable, type PolledJob, type ProviderCall, type Providers } from '../port.js';
import { openProviders } from '../open-providers.js';
import { providerAdapterContract, providerAt } from '../testing/contract.js';
import { inputFile } from '../testing/input-files.js';
import { providerJobsContract } from '../testing/jobs-contract.js';
import { json, openStage, type Stage } from '../testing/stage.js';

const described = (yaml: string) => parse(yaml) as GenericEntry;

const ADAPTER = 'generic-json';

const words = described(`
modality: text
request:
  path: /v1/write
  body:
    model: '{{ model }}'
    ask: '{{ input.prompt }}'
    limit: '{{ input.max_tokens }}'
output: { text: answer.words, finish_reason: answer.why }
finish_reasons: { all: stop, cut: length }
usage: { input_tokens: counts.read, output_tokens: counts.written }
errors: { code: error.code, codes: { nothing-of-this: GENERATION_FAILED } }
`);

providerAdapterContract(ADAPTER, {
  adapter: ADAPTER,
  path: '/write',
  exactPath: true,
  provider: { generic: words },
  call: { modality: 'text', input: { prompt: 'canary-prompt-1b2f Why?', max_tokens: 64 } },
  answer: { answer: { words: 'Because.', why: 'cut' }, counts: { read: 9, written: 2 } },
  outcome: {
    kind: 'succeeded',
    output: { modality: 'text', text: 'Because.', finishReason: 'length' },
    usage: { inputTokens: 9, outputTokens: 2 },
  },
});

const film = described(`
modality: video
request:
  path: /v1/films
  body:
    model: '{{ model }}'
    prompt: '{{ input.prompt }}'
    ratio: '{{ input.width }}:{{ input.height }}'
    seconds: '{{ input.duration_s ?? 5 }}'
    first_frame: '{{ $url(input.image) }}'
    hook: '{{ callback_url }}'
job:
  id: task.id
  poll: { path: '/v1/films/{{ job_id }}' }
  cancel: { method: POST, path: '/v1/films/{{ job_id }}/stop' }
  cancelled: state = "STOPPED"
  forgotten: why = "no such task"
  callback: { id: task.id }
status:
  path: state
  pending: [QUEUED, RUNNING]
  succeeded: [DONE]
  failed: [BROKEN]
  cancelled: [STOPPED]
output: { video: 'files[kind = "film"].link' }
usage: { seconds: length }
errors: { code: why, codes: { SAFETY.*: CONTENT_MODERATION_REJECTED } }
`);

const FILE = 'file_00000000-0000-4000-8000-000000000001';
const FILM = 'https://films.example/1.mp4';
const filmed = {
  task: { id: 'job/7 a' },
  state: 'DONE',
  files: [{ kind: 'log' }, { kind: 'film', link: FILM }],
  length: 4.5,
};
const failed = (detail: string, more: object = {}) => ({
  kind: 'failed' as const,
  code: 'GENERATION_FAILED' as const,
  retryable: true,
  countsAsFailure: true,
  detail,
  ...more,
});
const success = {
  kind: 'succeeded' as const,
  output: { modality: 'video' as const, video: { url: FILM } },
  usage: { seconds: 4.5 },
};

providerJobsContract(ADAPTER, {
  adapter: ADAPTER,
  provider: { generic: film },
  call: { modality: 'video', input: { prompt: 'a boat', duration_s: 4 } },
  pollPath: (id) => `/v1/films/${id}`,
  answers: {
    'a job that waits': { body: { state: 'QUEUED' }, means: { kind: 'pending' } },
    'a job that is done': { body: filmed, means: success },
    'a job that is done without a film': {
      body: { ...filmed, files: [] },
      means: failed('the job succeeded without an output where the catalogue says that it is', {
        elsewhere: true,
      }),
    },
    'a job that failed': { body: { state: 'BROKEN', why: 'x' }, means: failed('the job failed') },
    'a job that safety ended': {
      body: { state: 'BROKEN', why: 'SAFETY.INPUT' },
      means: failed('the job failed (SAFETY.*)', {
        code: 'CONTENT_MODERATION_REJECTED',
        retryable: false,
        countsAsFailure: false,
      }),
    },
    'a job that was stopped': {
      body: { state: 'STOPPED' },
      means: failed('the job was cancelled at the provider', { countsAsFailure: false }),
    },
  },
  forgotten: { status: 404, body: { why: 'no such task' } },
  cancelled: { state: 'STOPPED' },
});

describe('provider adapter: generic-json, its own', () => {
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

  const callOf = (generic: GenericEntry, more: Partial<ProviderCall>): ProviderCall => ({
    provider: { ...providerAt(stage.url, ADAPTER), generic },
    providerModel: 'm 1',
    modality: generic.modality,
    input: {},
    dispatchKey: 'k',
    timeoutMs: 2_000,
    signal: new AbortController().signal,
    ...more,
  });
  const call = (generic: GenericEntry, input: ProviderCall['input'], more: object = {}) =>
    providers.adapter(ADAPTER).call(callOf(generic, { input, ...more }));

  it('fills in what the input has, converts it, and leaves out what it has not', async () => {
    stage.play(json({ task: { id: 12 }, state: 'QUEUED' }));
    const picture = inputFile('image/png', Buffer.from('png'));
    const files = new Map([[FILE, picture]]);
    const callbackUrl = 'https://us.example/callbacks/1';
    const input = { prompt: 'a boat', width: 1280, height: 720, image: FILE };
    expect(await call(film, input, { files, callbackUrl })).to.deep.equal({
      kind: 'accepted',
      providerJobId: '12',
    });
    await call(film, { prompt: 'a boat' });
    expect(stage.seen.map(({ body }) => body)).to.deep.equal([
      {
        model: 'm 1',
        prompt: 'a boat',
        ratio: '1280:720',
        seconds: 5,
        first_frame: `data:image/png;base64,${Buffer.from('png').toString('base64')}`,
        hook: callbackUrl,
      },
      { model: 'm 1', prompt: 'a boat', seconds: 5 },
    ]);
  });

  it('tells no provider the id of a file', async () => {
    const generic = described(`
modality: image
request: { path: /p, body: { all: '{{ input }}', one: '{{ input.image }}' } }
output: { images: x }
`);
    stage.play(json({ x: 'https://a.example/1' }));
    const files = new Map([[FILE, inputFile('image/png', Buffer.from('png'))]]);
    await call(generic, { prompt: 'x', image: FILE, more: [{ mask: FILE }] }, { files });
    expect(stage.seen[0]?.body).to.deep.equal({
      all: { prompt: 'x', image: 'file-1', more: [{ mask: 'file-2' }] },
      one: 'file-1',
    });
  });

  it('sends nothing where a file of the input is gone', async () => {
    const outcome = await call(film, { prompt: 'a boat', image: FILE }, { files: new Map() });
    expect(outcome).to.include({ kind: 'failed', code: 'FILE_NOT_FOUND', retryable: false });
    expect(stage.seen).to.deep.equal([]);
  });

  it('waits for a file that its store gives late, and sends nothing where it is away', async () => {
    const bytes = Buffer.from('png');
    const late = inputFile('image/png', bytes);
    const slow = {
      ...late,
      bytes: () => new Promise<Buffer>((resolve) => setTimeout(() => resolve(bytes), 700)),
    };
    const input = { prompt: 'a boat', image: FILE };
    stage.play(json({ task: { id: '1' }, state: 'QUEUED' }));
    await call(film, input, { files: new Map([[FILE, slow]]) });
    const { body } = stage.seen[0]!;
    expect(body).to.have.property(
      'first_frame',
      `data:image/png;base64,${bytes.toString('base64')}`,
    );
    const away = { ...late, bytes: () => Promise.reject(new InputUnavailable('no store')) };
    let thrown: unknown;
    await call(film, input, { files: new Map([[FILE, away]]) }).catch(
      (error: unknown) => (thrown = error),
    );
    expect(thrown).to.be.instanceOf(InputUnavailable);
    expect(stage.seen).to.have.length(1);
  });

  it('reads a job that is done at once', async () => {
    stage.play(json(filmed));
    expect(await call(film, { prompt: 'a boat' })).to.deep.equal(success);
  });

  it('fetches the result of a job where it is elsewhere', async () => {
    const generic = described(`
modality: audio
request: { path: /songs, body: { text: '{{ input.text }}' } }
answer: bytes
job: { id: id, poll: { path: '/songs/{{ job_id }}' }, result: { path: '/songs/{{ job_id }}/mp3' } }
status: { path: state, succeeded: [ready] }
`);
    const job: PolledJob = {
      ...callOf(generic, { input: { text: 'la la' } }),
      providerJobId: 'a/b',
    };
    stage.play((response, { path }) =>
      path.endsWith('mp3')
        ? void response.writeHead(200, { 'content-type': 'audio/mpeg' }).end('ID3!')
        : json({ state: 'ready' })(response, stage.seen[0]!),
    );
    expect(await providers.adapter(ADAPTER).poll?.(job)).to.deep.equal({
      kind: 'succeeded',
      output: { modality: 'audio', audio: { base64: Buffer.from('ID3!').toString('base64') } },
      usage: { characters: 5 },
    });
    expect(stage.seen.map(({ path }) => path)).to.deep.equal([
      '/base/songs/a%2Fb',
      '/base/songs/a%2Fb/mp3',
    ]);
  });

  it('calls no other path than the one that is described', async () => {
    const spoken = described(`
modality: audio
request: { path: '/voices/{{ input.voice }}/say?as={{ input.as }}', body: { text: hello } }
answer: bytes
`);
    const sound = { 'content-type': 'audio/mpeg' };
    stage.play((response) => void response.writeHead(200, sound).end('ID3!'));
    for (const voice of ['..', '.'])
      expect(await call(spoken, { voice, as: 'mp3' })).to.include({
        kind: 'failed',
        code: 'MODEL_UNAVAILABLE',
        countsAsFailure: false,
        detail: 'not sent: a value would lead the path elsewhere',
      });
    expect(stage.seen).to.deep.equal([]);
    for (const voice of ['../x', '...', '%2e%2e']) await call(spoken, { voice, as: '/../' });
    expect(stage.seen.map(({ path }) => path)).to.deep.equal([
      '/base/voices/..%2Fx/say?as=%2F..%2F',
      '/base/voices/.../say?as=%2F..%2F',
      '/base/voices/%252e%252e/say?as=%2F..%2F',
    ]);
  });

  it('takes nothing for the id of a job that cannot be stored or asked for', async () => {
    for (const id of ['', '..', 'a\0', '\ud800', 'x'.repeat(257), [], true]) {
      stage.play(json({ task: { id }, state: 'QUEUED' }));
      expect(await call(film, { prompt: 'A bay' })).to.deep.equal({
        kind: 'unknown',
        detail: 'accepted without the id of a job',
      });
    }
  });

  it('sends a file as it is', async () => {
    const files = new Map([[FILE, inputFile('audio/wav', Buffer.from('RIFF'))]]);
    const spoken = described(`
modality: transcription
request:
  path: /listen
  query: { model: '{{ model }}', language: '{{ input.language }}' }
  headers: { x-more: 'a {{ model }}' }
  body_as: bytes
  body: '{{ $file(input.audio) }}'
output:
  text: results.channels[0].alternatives[0].transcript
  duration_ms: metadata.duration * 1000
  segments: >-
    results.utterances.{"start_ms": start * 1000, "end_ms": end * 1000, "text": transcript}
usage: { seconds: metadata.duration }
`);
    const answer = {
      metadata: { duration: 1.5 },
      results: {
        channels: [{ alternatives: [{ transcript: 'Hello.' }] }],
        utterances: [{ start: 0.25, end: 1.5, transcript: 'Hello.' }],
      },
    };
    stage.play(json(answer));
    expect(await call(spoken, { audio: FILE }, { files })).to.deep.equal({
      kind: 'succeeded',
      output: {
        modality: 'transcription',
        text: 'Hello.',
        durationMs: 1_500,
        segments: [{ startMs: 250, endMs: 1_500, text: 'Hello.' }],
      },
      usage: { seconds: 1.5 },
    });
    expect(stage.seen[0]?.text).to.equal('RIFF');
    expect(stage.seen[0]?.path).to.equal('/base/listen?model=m+1');
    expect(stage.seen[0]?.headers).to.include({
      'content-type': 'audio/wav',
      'content-length': '4',
      'x-more': 'a m 1',
    });
  });

  it('writes forms and multipart', async () => {
    const sent = () => stage.seen.at(-1)?.text;
    const form = (bodyAs: string) =>
      described(`
modality: image
request:
  path: /p
  body_as: ${bodyAs}
  body: { prompt: '{{ input.prompt }}', n: 2, 'x"y': '{{ input.a }}' }
output: { images: data.url }
`);
    stage.play(json({ data: [{ url: 'https://a.example/1' }, { url: 'https://a.example/2' }] }));
    expect(await call(form('form'), { prompt: 'a & b', num_images: 2 })).to.deep.include({
      output: {
        modality: 'image',
        images: [{ url: 'https://a.example/1' }, { url: 'https://a.example/2' }],
      },
      usage: { images: 2 },
    });
    expect(sent()).to.equal('prompt=a+%26+b&n=2');
    await call(form('multipart'), { prompt: 'a & b', a: 'c' });
    const boundary = /boundary=(.*)$/.exec(stage.seen[1]?.headers['content-type'] ?? '')?.[1];
    expect(sent()?.split(`--${boundary}`)).to.deep.equal([
      '',
      '\r\ncontent-disposition: form-data; name="prompt"\r\n\r\na & b\r\n',
      '\r\ncontent-disposition: form-data; name="n"\r\n\r\n2\r\n',
      '\r\ncontent-disposition: form-data; name="x%22y"\r\n\r\nc\r\n',
      '--\r\n',
    ]);
  });

  it('reads embeddings as a list, or in a row', async () => {
    const vectors = (path: string) =>
      described(`
modality: embedding
request: { path: /e, body: { input: '{{ input.texts }}' } }
output: { embeddings: '${path}' }
usage: { input_tokens: usage.total }
`);
    stage.play(json({ data: [{ v: [1, 2] }, { v: [3, 4] }], usage: { total: 5 } }));
    const expected = {
      kind: 'succeeded',
      output: {
        modality: 'embedding',
        embeddings: [
          [1, 2],
          [3, 4],
        ],
      },
      usage: { inputTokens: 5 },
    };
    const input = { texts: ['a', 'b'] };
    expect(await call(vectors('data.v'), input)).to.deep.equal(expected);
    expect(await call(vectors('data.[v]'), input)).to.deep.equal(expected);
    expect(stage.seen[0]?.body).to.deep.equal({ input: ['a', 'b'] });
    expect(await call(vectors('data.v'), { ...input, dimensions: 2 })).to.deep.equal(expected);
    expect(await call(vectors('data.v'), { ...input, dimensions: 3 })).to.include({
      code: 'GENERATION_FAILED',
    });
  });
});
