/**
 * What every wire adapter promises, whatever a provider does: every outcome is a value, the
 * deadline holds, memory is bounded, the key and the credential are sent, nothing is sent twice, a
 * failure that is known is told from one that is not, and no prompt or credential reaches an
 * operator.
 */
import { createServer, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { Provider } from '../../contracts/catalogue/catalogue.js';
import type { ProviderCall, ProviderOutcome, Providers } from '../port.js';
import { openProviders } from '../open-providers.js';
import { CREDENTIAL, expectFailed, expectUnknown, sick, type Play } from './expectations.js';
import { refusals } from './refusals-contract.js';
import { wrappings } from './wrappings-contract.js';
import { dripping, json, openStage, raw, type Answer, type Stage } from './stage.js';

interface AdapterCase {
  readonly adapter: string;
  /** Below the base URL and its version. */
  readonly path: string;
  /** The path below the base URL is `/v1` and `path`, whatever the base URL names. */
  readonly exactPath?: true;
  /** That the adapter adds where the base URL names none; `/v1` unless it is said. */
  readonly version?: string;
  /** `Bearer` unless it is another. */
  readonly scheme?: string;
  /** What the body has, where it does not name the model. */
  readonly body?: object;
  readonly call: Pick<ProviderCall, 'modality' | 'input' | 'files'>;
  /** What is sent is no JSON but a form. */
  readonly form?: true;
  /** What the catalogue says of the provider beside the address. */
  readonly provider?: Partial<Provider>;
  /** A good answer, and what is made of it. */
  readonly answer: unknown;
  readonly outcome: ProviderOutcome;
  /** It accepts jobs: one without its id may still be worked on. */
  readonly answersLater?: boolean;
  /** That carries the credential as it is; a bearer unless it is said. */
  readonly credentialHeader?: string;
}

export function providerAdapterContract(name: string, one: AdapterCase): void {
  describe(`provider adapter: ${name}`, () => {
    let stage: Stage;
    let providers: Providers;

    beforeEach(async () => {
      stage = await openStage();
      providers = openProviders({
        credentials: (envName) => (envName === 'CANARY_KEY' ? `${CREDENTIAL}\n` : undefined),
      });
    });

    afterEach(async () => {
      await providers.close();
      await stage.close();
    });

    const call = (more: Partial<ProviderCall> = {}, provider: Partial<Provider> = {}) =>
      providers.adapter(one.adapter).call({
        ...one.call,
        provider: { ...providerAt(stage.url, one.adapter), ...one.provider, ...provider },
        providerModel: 'model-1',
        dispatchKey: 'exec_1/1',
        timeoutMs: 2_000,
        signal: new AbortController().signal,
        ...more,
      });

    const afterPlaying = (answer: Answer, more: Partial<ProviderCall> = {}) => {
      stage.play(answer);
      return call(more);
    };

    const playSmall: Play = (answer, more) => {
      stage.play(answer);
      return call(more, { slug: 'small', answerBytesMax: 1_000_000 });
    };

    sending(() => ({ stage, call }), one);
    refusals(afterPlaying);
    doubt(() => ({ stage, call }), afterPlaying, one);
    unreadable(afterPlaying, one);
    wrappings(afterPlaying, playSmall, one.answer, one.outcome);
    bounds(() => ({ stage, call }), afterPlaying, playSmall, one);
  });
}

type Call = (
  more?: Partial<ProviderCall>,
  provider?: Partial<Provider>,
) => Promise<ProviderOutcome>;
type Scene = () => { stage: Stage; call: Call };

function sending(scene: Scene, one: AdapterCase): void {
  const { credentialHeader: header = 'authorization', scheme: word = 'Bearer' } = one;
  const scheme = one.credentialHeader === undefined ? `${word} ` : '';
  it('sends key, credential and model, and reads a good answer', async () => {
    const { stage, call } = scene();
    stage.play(json(one.answer));
    expect(await call({}, { credentialEnv: 'CANARY_KEY' })).to.deep.equal(one.outcome);
    const [seen] = stage.seen;
    expect(seen?.path).to.equal(`/base${one.version ?? '/v1'}${one.path}`);
    if (one.form) expect(seen?.text).to.include('name="model"\r\n\r\nmodel-1\r\n');
    else expect(seen?.body).to.deep.include(one.body ?? { model: 'model-1' });
    const type = seen?.headers['content-type']?.replace(/; boundary=.*$/, '');
    expect(type).to.equal(one.form ? 'multipart/form-data' : 'application/json');
    expect(seen?.headers).to.include({
      [header]: `${scheme}${CREDENTIAL}`,
      'idempotency-key': 'exec_1/1',
      'x-dispatch-key': 'exec_1/1',
      'accept-encoding': 'identity',
    });
  });

  it('adds no version to a base URL that has one, and sends a placeholder bearer', async () => {
    const { stage, call } = scene();
    stage.play(json(one.answer));
    await call({}, { baseUrl: `${stage.url}/v1beta/openai` });
    const version = one.exactPath ? '/v1' : '';
    expect(stage.seen[0]?.path).to.equal(`/v1beta/openai${version}${one.path}`);
    expect(stage.seen[0]?.headers[header]).to.equal(`${scheme}none`);
  });

  it('sends nothing without the credential that the provider calls for', async () => {
    const { stage, call } = scene();
    const outcome = await call({}, { credentialEnv: 'NOT_SET' });
    expectFailed(outcome, 'MODEL_UNAVAILABLE', { retryable: true, countsAsFailure: true });
    expect(stage.seen).to.be.empty;
  });

  it('keeps its connection, and opens no more than the bulkhead has', async () => {
    const { stage, call } = scene();
    stage.play(json(one.answer));
    await call();
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (let i = 0; i < 6; i++) await call();
    expect(stage.connections()).to.equal(2);
    const provider = { slug: 'narrow', bulkhead: 2 };
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => call({}, provider)));
    expect(outcomes).to.deep.equal(Array(6).fill(one.outcome));
    expect(stage.busiest()).to.be.at.most(2);
  });

  it('follows a provider that moves, while the catalogue says so', async () => {
    const { stage, call } = scene();
    stage.play(json(one.answer));
    await call();
    await call({}, { baseUrl: `${stage.url}/other` });
    expect(stage.seen.map(({ path }) => path)).to.deep.equal([
      `/base${one.version ?? '/v1'}${one.path}`,
      `/other${one.version ?? '/v1'}${one.path}`,
    ]);
  });
}

function doubt(scene: Scene, play: Play, one: AdapterCase): void {
  it('knows that nothing was sent when there is no connection', async () => {
    const { call } = scene();
    const refused = await call({}, { slug: 'shut', baseUrl: await shutPort() });
    expectFailed(refused, 'MODEL_UNAVAILABLE', sick);
    const nowhere = await call({}, { slug: 'none', baseUrl: 'http://nowhere.invalid/x' });
    expectFailed(nowhere, nowhere.kind === 'failed' ? nowhere.code : 'INTERNAL_ERROR', sick);
  });

  it('knows that nothing was sent when it was called off before', async () => {
    const { stage, call } = scene();
    const outcome = await call({ signal: AbortSignal.abort() });
    expectFailed(outcome, 'MODEL_UNAVAILABLE', { retryable: true, countsAsFailure: false });
    expect(stage.seen).to.be.empty;
  });

  it('never sends what was waiting for a connection when its time was up', async () => {
    const { stage, call } = scene();
    const provider = { slug: 'narrow', bulkhead: 1 };
    const held: (() => void)[] = [];
    stage.play((response) => void held.push(() => json(one.answer)(response, stage.seen[0]!)));
    const first = call({}, provider);
    const second = await call({ timeoutMs: 100 }, provider);
    expectFailed(second, 'GENERATION_TIMEOUT', sick);
    stage.play(json(one.answer));
    for (const release of held) release();
    expect(await first).to.deep.equal(one.outcome);
    expect(await call({}, provider)).to.deep.equal(one.outcome);
    expect(stage.seen).to.have.length(2);
  });

  it('does not know what came of a call that was called off or reset after it left', async () => {
    const { stage, call } = scene();
    const off = new AbortController();
    stage.play(() => off.abort());
    expectUnknown(await call({ signal: off.signal }));
    expectUnknown(await play(({ socket }) => void socket?.resetAndDestroy()));
    expectUnknown(await play(({ socket }) => void socket?.end('HTTP/1.1 200 OK\r\ncontent-')));
    expect(stage.seen).to.have.length(3);
  });

  it('calls off all that one signal stands over, and nothing else', async () => {
    const { stage, call } = scene();
    const off = new AbortController();
    stage.play(json(one.answer));
    expect(await call({ signal: off.signal })).to.deep.equal(one.outcome);
    stage.play((response) => {
      if (stage.seen.length === 4) off.abort();
      if (stage.seen.length === 5) json(one.answer)(response, stage.seen[4]!);
    });
    const held = [1, 2, 3].map(() => call({ signal: off.signal }));
    for (const outcome of await Promise.all(held)) expectUnknown(outcome);
    expect(await call()).to.deep.equal(one.outcome);
  });
}

function unreadable(play: Play, one: AdapterCase): void {
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
  const body = JSON.stringify(one.answer);
  const unread: Record<string, Answer> = {
    'truncated JSON': json(body.slice(0, -5)),
    'a body cut short': ({ socket }) =>
      void socket?.end(`${head}content-length: 100000\r\n\r\n${body}`),
    'nothing before the connection ended': ({ socket }) => void socket?.end(`${head}\r\n`),
    'what is not HTTP': raw('ICY 200 OK\r\n\r\nhello'),
  };
  for (const [what, answer] of Object.entries(unread))
    it(`does not know what came of a call answered 200 with ${what}`, async () => {
      expectUnknown(await play(answer));
    });

  const useless: Record<string, Answer> = {
    'no JSON at all': json('<html>hello</html>'),
    'an empty body': json(''),
    'JSON that is wrong inside': json(`{"usage":,${body.slice(1)}`),
    'a JSON text': json('"hello"'),
    'a JSON list': json('[]'),
    'JSON of depth 10,000': json('['.repeat(10_000) + ']'.repeat(10_000)),
  };
  for (const [what, answer] of Object.entries(useless))
    it(`decides once about a call answered 200 with ${what}`, async () => {
      const outcome = await play(answer);
      expectFailed(outcome, 'GENERATION_FAILED', sick);
      expect(outcome).to.include({ elsewhere: true });
    });

  it('makes nothing of an empty object', async () => {
    const outcome = await play(json('{}'));
    if (one.answersLater) return expectUnknown(outcome);
    expectFailed(outcome, 'GENERATION_FAILED', sick);
  });
}

function bounds(scene: Scene, play: Play, playSmall: Play, one: AdapterCase): void {
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
  const hanging: Record<string, Answer> = {
    'no answer': () => undefined,
    'headers that never end': dripping(head, 'x-more: 1\r\n', 20),
    'a byte at a time': dripping(`${head}content-length: 100000\r\n\r\n`, ' ', 20),
    'informational answers for ever': dripping('', 'HTTP/1.1 103 Early Hints\r\n\r\n', 20),
  };
  for (const [what, answer] of Object.entries(hanging))
    it(`is cut at its deadline: ${what}`, async () => {
      const began = Date.now();
      expectUnknown(await play(answer, { timeoutMs: 300 }));
      expect(Date.now() - began).to.be.within(250, 1_300);
    });

  it('reads no body that is announced or turns out larger than its bound', async () => {
    const began = Date.now();
    const announced = await play(raw(`${head}content-length: 1000000000\r\n\r\n{`));
    expectFailed(announced, 'GENERATION_FAILED', sick);
    const endless = dripping(`${head}\r\n{"a":"`, 'x'.repeat(100_000), 1);
    expectFailed(await playSmall(endless), 'GENERATION_FAILED', sick);
    expect(Date.now() - began).to.be.below(2_000);
  });

  it('works on after all that', async () => {
    const { stage, call } = scene();
    await play(({ socket }) => void socket?.destroy());
    stage.play(json(one.answer));
    expect(await call()).to.deep.equal(one.outcome);
  });

  it('ends what is under way when it is closed', async () => {
    const { stage } = scene();
    const providers = openProviders({ credentials: () => undefined });
    const left = new Promise<void>((resolve) => stage.play(() => resolve()));
    const outcome = providers.adapter(one.adapter).call({
      ...one.call,
      provider: { ...providerAt(stage.url, one.adapter), ...one.provider },
      providerModel: 'model-1',
      dispatchKey: 'exec_1/1',
      timeoutMs: 5_000,
      signal: new AbortController().signal,
    });
    await left;
    await providers.close();
    expectUnknown(await outcome);
  });
}

export const providerAt = (url: string, adapter: string): Provider => ({
  slug: 'stage',
  adapter,
  baseUrl: `${url}/base`,
  honoursIdempotencyKey: false,
  timeoutMs: 2_000,
  bulkhead: 4,
  breaker: { failuresToOpen: 5, successesToClose: 2, openMs: 1_000, halfOpenProbes: 1 },
  poll: { firstMs: 100, everyMs: 100, maxMs: 1_000 },
});

/** An address where nothing listens any more. */
async function shutPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
