import { expect } from 'chai';
import { request } from 'undici';
import { commandRoutes } from '../../command-api/app.js';
import { readEvents } from '../../command-handling/streams.js';
import type { AttemptEvent } from '../../contracts/events/attempt.js';
import { streamOf } from '../../contracts/streams.js';
import { attemptIdOf } from '../../domain/attempt/attempt.js';
import { openAuthenticator } from '../../http/server/auth.js';
import { serveRoutes, type HttpServer } from '../../http/server/serve-routes.js';
import { callbackTokenOf } from '../../infra/callback-token.js';
import { projectorWorkers } from '../../projectors/app.js';
import { operatorView, readOperatorFacts } from '../../query-api/admin/operator-view.js';
import {
  openSpecInfra,
  type CatalogueFile,
  type SpecInfra,
} from '../../runtime/testing/spec-infra.js';
import { behave, behaveWell, callsFor } from '../../sandbox/testing/behaviour.js';
import type { SentCallback } from '../../sandbox/hosted-jobs.js';
import { eventually } from '../../testing/eventually.js';
import { processorWorkers } from '../app.js';
import {
  accountOf,
  ask,
  cancel,
  eventOf,
  FUNDS,
  typesOf,
  whenHoldEnded,
  whenOver,
  whenTypes,
  type Asked,
} from '../testing/kit.js';

const VIDEO = 'video-generation-standard';
const TIMEOUT_MS = 20_000;
const SLACK_MS = 5_000;
/** Nobody is asked before this has passed. */
const POLL_MS = 3_000;

function hurry({ providers, models }: CatalogueFile): void {
  for (const slug of ['vega-films', 'lyra-films']) {
    const provider = providers[slug];
    if (!provider) throw new Error('the bundled catalogue has changed');
    const poll = { first_ms: 50, every_ms: 50, max_ms: POLL_MS };
    Object.assign(provider, { timeout_ms: TIMEOUT_MS, poll });
  }
  const [vega, lyra] = models[VIDEO]?.routes ?? [];
  if (!vega || !lyra) throw new Error('the bundled catalogue has changed');
  models['film'] = { ...models[VIDEO]!, routes: [{ ...lyra, provider: 'lyra-films' }] };
  Object.assign(models[VIDEO]!, { routes: [vega] });
}

describe('read-callbacks', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let server: HttpServer;
  let stop: () => Promise<void>;

  before(async () => {
    spec = await openSpecInfra(hurry);
    const { infra } = spec;
    const { log, metrics, now } = infra;
    const authenticator = openAuthenticator({ ...infra, adminKey: undefined });
    const routes = commandRoutes(infra);
    const given = { routes, mounts: [], authenticator, log, metrics, now };
    server = await serveRoutes({ ...given, port: 0, host: '127.0.0.1' });
    infra.addresses.listensOn(server.port);
  });
  after(async () => {
    await server.close();
    await spec.close();
  });
  beforeEach(async () => {
    await behaveWell(spec.sandbox.url);
    const quick = { latency: 5, jobMs: 300 };
    await behave(spec.sandbox.url, { vega: quick, lyra: quick });
    const { infra } = spec;
    stop = spec.run([...projectorWorkers(infra), ...processorWorkers(infra)]);
  });
  afterEach(async () => {
    await stop();
    spec.clock.aheadMs = 0;
  });

  const askFor = (prompt: string, model = VIDEO, more = {}) =>
    ask(spec.infra, { model, input: { prompt, duration_s: 1 }, ...more });
  const requests = async ({ executionId }: Asked) => callsFor(spec.sandbox.url, executionId);
  const paid = async (asked: Asked) => (await requests(asked)).filter((call) => call.paid);
  const told = async ({ executionId }: Asked, attempt = 1): Promise<readonly AttemptEvent[]> =>
    readEvents<AttemptEvent>(
      spec.infra.store,
      streamOf('attempt', attemptIdOf(executionId, attempt)),
    );
  const sent = async (): Promise<readonly SentCallback[]> => {
    const { body } = await request(`${spec.sandbox.url}/_sandbox/callbacks`);
    return ((await body.json()) as { data: SentCallback[] }).data;
  };
  /** Of the execution: the provider was given a URL of its own. */
  const sentTo = async (asked: Asked): Promise<readonly SentCallback[]> => {
    const { providerJobId } = (await eventOf(spec.infra, asked, 'ProviderAccepted')).data;
    return (await sent()).filter(({ jobId }) => jobId === providerJobId);
  };
  const post = async (url: string, { headers, body }: Pick<SentCallback, 'headers' | 'body'>) => {
    const reply = await request(url, { method: 'POST', headers, body });
    return { status: reply.statusCode, text: await reply.body.text() };
  };
  const slots = async (provider: string) => {
    const { values } = await spec.infra.metrics.bulkheadInUse.get();
    return values.find(({ labels }) => labels.provider === provider)?.value ?? 0;
  };

  for (const [model, provider, personality] of [
    [VIDEO, 'vega-films', 'vega'],
    ['film', 'lyra-films', 'lyra'],
  ] as const)
    it(`${personality} calls back: one video, charged once, nobody asked`, async () => {
      const { infra } = spec;
      const asked = await askFor('A bay at dawn', model);
      await whenTypes(infra, asked, 'ProviderAccepted');
      expect(await slots(provider), 'a job counts as a call').to.equal(1);
      expect(await whenOver(infra, asked)).to.equal('completed');
      expect(await typesOf(infra, asked)).to.deep.equal([
        'ExecutionRequested',
        'ProviderDispatched',
        'ProviderAccepted',
        'ProviderSucceeded',
        'ExecutionCompleted',
      ]);
      const { data } = await eventOf(infra, asked, 'ExecutionCompleted');
      expect(
        data.files.map(({ format, width, height, durationMs }) => ({
          format,
          width,
          height,
          durationMs,
        })),
      ).to.deep.equal([{ format: 'mp4', width: 320, height: 180, durationMs: 1_000 }]);
      expect(data.cost).to.equal(30_000n);
      expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldSettled');
      expect((await requests(asked)).map((call) => call.paid)).to.deep.equal([true]);
      expect((await told(asked)).map(({ type }) => type)).to.deep.equal([
        'ProviderCallbackReceived',
      ]);
      await eventually('its slot is free', async () => (await slots(provider)) === 0);
    });

  it('takes five callbacks and one that is out of order for one end', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { vega: { callbackTimes: 5, callbacksDisordered: true } });
    const asked = await askFor('Five bells');
    expect(await whenOver(infra, asked)).to.equal('completed');
    await eventually('all were sent', async () => (await sentTo(asked)).length === 6);
    expect((await sentTo(asked)).map(({ status }) => status)).to.deep.equal(Array(6).fill(200));
    const types = await typesOf(infra, asked);
    expect(types.filter((type) => type === 'ExecutionCompleted')).to.have.length(1);
    expect(types.at(-1)).to.equal('ExecutionCompleted');
    expect((await told(asked)).length).to.be.within(1, 2);
    await whenHoldEnded(infra, asked);
    expect(await accountOf(infra, asked.organizationId)).to.deep.include({
      available: FUNDS - 30_000n,
      held: 0n,
    });
  });

  it('finds by asking what callbacks lost, and believes no wrong signature', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { vega: { callbackTimes: 0 } });
    const lost = await askFor('A letter that never came');
    await behave(spec.sandbox.url, { vega: { callbackTimes: 1, callbackSignature: 'wrong' } });
    const forged = await askFor('A false friend');
    await eventually('it was refused', async () =>
      (await sentTo(forged).catch(() => [])).some(({ status }) => status === 401),
    );
    expect(await told(forged)).to.deep.equal([]);
    for (const asked of [lost, forged]) {
      expect(await whenOver(infra, asked)).to.equal('completed');
      const asking = (await requests(asked)).filter(({ path }) => path.includes('/predictions/'));
      expect(asking.length).to.be.within(1, 3);
      expect(await paid(asked)).to.have.length(1);
    }
  });

  it('knows no other tokens, and lets no callback speak for another attempt', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { vega: { jobMs: 60_000 } });
    const mine = await askFor('Mine');
    await whenTypes(infra, mine, 'ProviderAccepted');
    await behave(spec.sandbox.url, { vega: { jobMs: 100 } });
    const theirs = await askFor('Theirs');
    expect(await whenOver(infra, theirs)).to.equal('completed');
    const [genuine] = await sentTo(theirs);
    if (!genuine) throw new Error('nothing was sent');
    const base = genuine.url.slice(0, genuine.url.lastIndexOf('/') + 1);
    const token = genuine.url.slice(base.length);
    for (const other of ['x', token.slice(1), `${token.slice(0, -1)}_`, 'A'.repeat(59)])
      expect((await post(base + other, genuine)).status).to.equal(404);
    await behave(spec.sandbox.url, { vega: { jobMs: 60_000 } });
    const urlOfMine = infraUrlOf(mine);
    expect((await post(urlOfMine, genuine)).status).to.equal(200);
    await eventually('it was read', () => handled('another_job').then((count) => count > 0));
    expect((await typesOf(infra, mine)).at(-1)).to.equal('ProviderAccepted');
    await cancel(infra, mine);
    await whenHoldEnded(infra, mine);
  });

  const infraUrlOf = ({ executionId }: Asked): string => {
    const { addresses, secrets } = spec.infra;
    const token = callbackTokenOf(secrets.callbackKey, { executionId, attempt: 1 });
    return `${addresses.publicUrl}/v1/callbacks/${token}`;
  };
  const handled = async (outcome: string): Promise<number> => {
    const { values } = await spec.infra.metrics.handled.get();
    const own = values.filter(({ labels }) => labels.group === 'read-callbacks');
    return own.find(({ labels }) => labels.outcome === outcome)?.value ?? 0;
  };

  it('finds the job again whose acceptance was lost', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { vega: { misbehaviour: 'truncated' } });
    const asked = await askFor('A lost letter');
    expect(await whenOver(infra, asked)).to.equal('completed');
    expect(await typesOf(infra, asked)).to.deep.equal([
      'ExecutionRequested',
      'ProviderDispatched',
      'ProviderAccepted',
      'ProviderSucceeded',
      'ExecutionCompleted',
    ]);
    expect(await requests(asked)).to.have.length(1);
    await eventually('its slot is free', async () => (await slots('vega-films')) === 0, 8_000);
  });

  it('gives up at the deadline where neither answer nor callback came', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { vega: { misbehaviour: 'truncated', callbackTimes: 0 } });
    const asked = await askFor('Silence');
    await eventually('it was called', async () => (await paid(asked)).length === 1);
    spec.clock.aheadMs = TIMEOUT_MS + SLACK_MS + 1_000;
    expect(await whenOver(infra, asked)).to.equal('failed');
    expect((await eventOf(infra, asked, 'ExecutionFailed')).data.code).to.equal(
      'GENERATION_TIMEOUT',
    );
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldReleased');
    expect(await requests(asked)).to.have.length(1);
  });

  it('records for operators what comes after a cancel, and changes nothing by it', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { vega: { jobMs: 0, callbackDelayMs: 700 } });
    const asked = await askFor('Too late');
    await whenTypes(infra, asked, 'ProviderAccepted');
    await cancel(infra, asked);
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldReleased');
    const types = await typesOf(infra, asked);
    const late = await eventually('it is recorded', async () =>
      (await told(asked)).find(({ type }) => type === 'ProviderAnsweredLate'),
    );
    expect(late.data).to.deep.include({
      provider: 'vega-films',
      outcome: 'succeeded',
      usage: { seconds: 1 },
      providerCost: 20_000n,
    });
    expect(await typesOf(infra, asked)).to.deep.equal(types);
    expect(types.at(-1)).to.equal('ExecutionCancelled');
    expect(await accountOf(infra, asked.organizationId)).to.deep.include({
      available: FUNDS,
      held: 0n,
    });
    const { facts, beside } = await readOperatorFacts(infra.store, asked.executionId);
    const [attempt] = operatorView(facts, beside)?.body.attempts ?? [];
    expect(attempt?.callbacks).to.equal(1);
    expect(attempt?.late_answer).to.include({ outcome: 'succeeded', provider_cost: '0.020' });
    const [callback] = await sentTo(asked);
    if (!callback) throw new Error('nothing was sent');
    expect((await post(callback.url, callback)).status, 'again').to.equal(200);
    expect(await told(asked)).to.have.length(2);
  });

  it('takes an hour-late callback for a late answer', async () => {
    const { infra } = spec;
    const forgetful = { jobMs: 0, callbackDelayMs: 1_500, forgetsJobs: true };
    await behave(spec.sandbox.url, { vega: forgetful });
    const asked = await askFor('An hour late', VIDEO, { expiresInMs: 10_000 });
    await whenTypes(infra, asked, 'ProviderAccepted');
    spec.clock.aheadMs = 3_600_000;
    expect(['failed', 'expired']).to.include(await whenOver(infra, asked));
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldReleased');
    await eventually('it is recorded', async () =>
      (await told(asked)).some(({ type }) => type === 'ProviderAnsweredLate'),
    );
    expect((await accountOf(infra, asked.organizationId)).available).to.equal(FUNDS);
  });

  it('refuses a body that is too large, and reads nothing from one that is no JSON', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { lyra: { jobMs: 60_000 } });
    const asked = await askFor('Noise', 'film');
    await whenTypes(infra, asked, 'ProviderAccepted');
    const url = infraUrlOf(asked);
    const large = { headers: {}, body: 'x'.repeat(1024 * 1024 + 1) };
    expect((await post(url, large)).status).to.equal(413);
    expect((await post(url, { headers: {}, body: 'no' })).status, 'unsigned').to.equal(401);
    expect(await told(asked)).to.deep.equal([]);
    await cancel(infra, asked);
  });
});
