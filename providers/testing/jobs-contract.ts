/**
 * What every wire adapter of a provider that accepts jobs promises beside the rest: the job's id is
 * handed out, questions are free and harmless, and a question that went wrong is not an outcome.
 */
import { expect } from 'chai';
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import type { JobOutcome, PolledJob, ProviderCall, Providers } from '../port.js';
import { openProviders } from '../open-providers.js';
import { providerAt } from './contract.js';
import { dripping, json, openStage, type Answer, type Stage } from './stage.js';

interface JobCase {
  readonly adapter: string;
  readonly call: Pick<ProviderCall, 'modality' | 'input'>;
  /** What the catalogue says of the provider beside the address. */
  readonly provider?: Partial<Provider>;
  /** Below the base URL. */
  readonly pollPath: (providerJobId: string) => string;
  /** `Bearer` unless it is another. */
  readonly scheme?: string;
  /** `POST` unless it is another. */
  readonly cancelMethod?: string;
  /** Answers to a question, and what is made of each. */
  readonly answers: Readonly<
    Record<string, { readonly body: unknown; readonly means: JobOutcome }>
  >;
  /** How the provider says that it does not know the job. */
  readonly forgotten: { readonly status: number; readonly body: unknown };
  readonly cancelled: unknown;
}

const CREDENTIAL = 'canary-credential-77aa';
const ID = 'job/7 a';

export function providerJobsContract(name: string, one: JobCase): void {
  describe(`provider adapter with jobs: ${name}`, () => {
    let stage: Stage;
    let providers: Providers;

    beforeEach(async () => {
      stage = await openStage();
      providers = openProviders({
        credentials: (envName) => (envName === 'CANARY_KEY' ? CREDENTIAL : undefined),
      });
    });
    afterEach(async () => {
      await providers.close();
      await stage.close();
    });

    const job = (more: Partial<PolledJob> = {}): PolledJob => ({
      ...one.call,
      provider: {
        ...providerAt(stage.url, one.adapter),
        ...one.provider,
        credentialEnv: 'CANARY_KEY',
      },
      providerModel: 'model-1',
      providerJobId: ID,
      dispatchKey: 'exec_1/1',
      timeoutMs: 2_000,
      signal: new AbortController().signal,
      ...more,
    });
    const poll = async (more: Partial<PolledJob> = {}): Promise<JobOutcome> => {
      const adapter = providers.adapter(one.adapter);
      return (await adapter.poll?.(job(more))) ?? expect.fail('it cannot be asked');
    };
    const afterPlaying = (answer: Answer, more: Partial<PolledJob> = {}) => {
      stage.play(answer);
      return poll(more);
    };

    it('asks about the job with its credential, and changes nothing by it', async () => {
      const [known] = Object.values(one.answers);
      stage.play(json(known?.body));
      await poll();
      await poll();
      expect(stage.seen.map(({ method, path }) => [method, path])).to.deep.equal(
        Array(2).fill(['GET', `/base${one.pollPath(encodeURIComponent(ID))}`]),
      );
      expect(stage.seen[0]?.headers.authorization).to.equal(
        `${one.scheme ?? 'Bearer'} ${CREDENTIAL}`,
      );
    });

    readings(afterPlaying, one);
    questions(() => stage, poll, afterPlaying, one);

    it('calls a job off, and says whether the provider does', async () => {
      const adapter = providers.adapter(one.adapter);
      stage.play(json(one.cancelled));
      expect(await adapter.cancel?.(job())).to.equal(true);
      stage.play(json({ error: {} }, 409));
      expect(await adapter.cancel?.(job())).to.equal(false);
      stage.play(({ socket }) => void socket?.resetAndDestroy());
      expect(await adapter.cancel?.(job())).to.equal(false);
      expect(stage.seen.map(({ method }) => method)).to.deep.equal(
        Array(3).fill(one.cancelMethod ?? 'POST'),
      );
    });
  });
}

type Poll = (more?: Partial<PolledJob>) => Promise<JobOutcome>;
type Play = (answer: Answer, more?: Partial<PolledJob>) => Promise<JobOutcome>;

function readings(afterPlaying: Play, one: JobCase): void {
  for (const [what, { body, means }] of Object.entries(one.answers))
    it(`reads ${what}`, async () => {
      expect(await afterPlaying(json(body))).to.deep.equal(means);
    });

  it('does not know what came of a job that its provider has forgotten', async () => {
    const { status, body } = one.forgotten;
    const outcome = await afterPlaying(json(body, status));
    expect(outcome).to.have.all.keys('kind', 'detail').and.to.include({ kind: 'unknown' });
  });
}

function questions(stage: () => Stage, poll: Poll, afterPlaying: Play, one: JobCase): void {
  const unanswered: Record<string, Answer> = {
    'a bare 404': json('<h1>Not found</h1>', 404),
    'a 401': json({ error: { code: 'invalid_api_key' } }, 401),
    'a 500': json({ error: {} }, 500),
    'a gateway’s 504': json('<h1>Gateway</h1>', 504),
    'truncated JSON': json(JSON.stringify(one.cancelled).slice(0, -3)),
    'an empty object': json({}),
    'a status that nobody knows': json({ id: ID, status: 'levitating' }),
    'a reset': ({ socket }) => void socket?.resetAndDestroy(),
    'a body without end': dripping('HTTP/1.1 200 OK\r\n\r\n{"a":"', 'x'.repeat(100_000), 1),
  };
  for (const [what, answer] of Object.entries(unanswered))
    it(`will ask again after ${what}`, async () => {
      const outcome = await afterPlaying(answer);
      expect(outcome).to.have.all.keys('kind', 'detail').and.to.include({ kind: 'pending' });
    });

  it('will ask again where it did not reach the provider, and keeps its advice', async () => {
    const provider = {
      ...providerAt(stage().url, one.adapter),
      ...one.provider,
      credentialEnv: 'NOT_SET',
    };
    expect(await poll({ provider })).to.include({ kind: 'pending' });
    expect(await poll({ signal: AbortSignal.abort() })).to.include({ kind: 'pending' });
    expect(stage().seen).to.deep.equal([]);
    const busy = json({ error: {} }, 429, { 'retry-after': '7' });
    expect(await afterPlaying(busy)).to.include({ kind: 'pending', pollAfterMs: 7_000 });
  });

  it('is cut at the deadline of the question', async () => {
    const began = Date.now();
    expect(await afterPlaying(() => undefined, { timeoutMs: 300 })).to.include({
      kind: 'pending',
    });
    expect(Date.now() - began).to.be.within(250, 1_300);
  });
}
