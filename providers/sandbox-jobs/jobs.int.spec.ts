import { expect } from 'chai';
import { openProviders } from '../open-providers.js';
import type { JobOutcome, Providers } from '../port.js';
import { providerAdapterContract, providerAt } from '../testing/contract.js';
import { providerJobsContract } from '../testing/jobs-contract.js';
import { json, openStage, type Stage } from '../testing/stage.js';

const call = {
  modality: 'image',
  input: { prompt: 'canary-prompt-1b2f boat', width: 512, height: 256, num_images: 2 },
} as const;

providerAdapterContract('sandbox-jobs', {
  adapter: 'sandbox-jobs',
  answersLater: true,
  path: '/jobs',
  call,
  answer: { id: 'job_1', status: 'queued' },
  outcome: { kind: 'accepted', providerJobId: 'job_1' },
});

const A = 'https://cdn.example/a.png';
const B = 'https://cdn.example/b.png';

const failed = (detail: string, countsAsFailure: boolean): JobOutcome => ({
  kind: 'failed',
  code: 'GENERATION_FAILED',
  retryable: true,
  countsAsFailure,
  detail,
});

providerJobsContract('sandbox-jobs', {
  adapter: 'sandbox-jobs',
  call,
  pollPath: (id) => `/v1/jobs/${id}`,
  answers: {
    'a job that waits': { body: { id: 'j', status: 'queued' }, means: { kind: 'pending' } },
    'a job that runs': { body: { id: 'j', status: 'running' }, means: { kind: 'pending' } },
    'no more pictures than were asked for': {
      body: { id: 'j', status: 'succeeded', output: [A, B, A], usage: { images: -1 } },
      means: {
        kind: 'succeeded',
        output: { modality: 'image', images: [{ url: A }, { url: B }] },
        usage: { images: 2 },
      },
    },
    'a success without a picture': {
      body: { id: 'j', status: 'succeeded', output: ['file:///etc/passwd', 7] },
      means: {
        ...failed('the job succeeded without a picture', true),
        elsewhere: true,
      } as JobOutcome,
    },
    'a job that failed': {
      body: { id: 'j', status: 'failed', error: { code: 'x', message: 'canary' } },
      means: failed('the job failed', true),
    },
    'a job that was cancelled there': {
      body: { id: 'j', status: 'cancelled' },
      means: failed('the job was cancelled at the provider', false),
    },
  },
  forgotten: { status: 404, body: { error: { code: 'job_not_found', message: 'No.' } } },
  cancelled: { id: 'j', status: 'cancelled', output: null },
});

describe('provider adapter: sandbox-jobs, its own', () => {
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

  const run = () =>
    providers.adapter('sandbox-jobs').call({
      ...call,
      provider: providerAt(stage.url, 'sandbox-jobs'),
      providerModel: 'm',
      dispatchKey: 'k',
      timeoutMs: 2_000,
      signal: new AbortController().signal,
    });

  it('asks for size and number, and takes an answer that is there at once', async () => {
    stage.play(json({ id: 'job_1', status: 'succeeded', output: [A] }, 201));
    expect(await run()).to.deep.equal({
      kind: 'succeeded',
      output: { modality: 'image', images: [{ url: A }] },
      usage: { images: 1 },
    });
    expect(stage.seen[0]?.body).to.deep.equal({
      model: 'm',
      input: { prompt: 'canary-prompt-1b2f boat', size: '512x256', n: 2 },
    });
  });

  it('does not know what it was answered without the id of a job', async () => {
    stage.play(json({ status: 'queued' }, 202));
    expect(await run()).to.include({ kind: 'unknown' });
    stage.play(json({ id: 'x'.repeat(257), status: 'queued' }, 202));
    expect(await run()).to.include({ kind: 'unknown' });
  });
});
