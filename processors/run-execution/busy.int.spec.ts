import { expect } from 'chai';
import type { Infra } from '../../runtime/infra.js';
import { projectorWorkers } from '../../projectors/app.js';
import { eventually } from '../../testing/eventually.js';
import {
  openSpecInfra,
  type CatalogueFile,
  type SpecInfra,
} from '../../runtime/testing/spec-infra.js';
import { allCalls, behave, behaveWell, callsFor } from '../../sandbox/testing/behaviour.js';
import { processorWorkers } from '../app.js';
import {
  ask,
  eventOf,
  eventsOf,
  IMAGE,
  newOrganization,
  smallImage,
  TEXT,
  whenHoldEnded,
  whenOver,
  whenTypes,
  type Asked,
} from '../testing/kit.js';

/** Text only by aurora, which has one slot; pictures only by borealis. */
function narrow({ providers, models }: CatalogueFile): void {
  const { [TEXT]: text, [IMAGE]: image } = models;
  const { 'aurora-chat': aurora, 'polaris-jobs': polaris } = providers;
  if (!text || !image || !aurora || !polaris || !models[HD])
    throw new Error('the bundled catalogue has changed');
  text.routes = text.routes.filter(({ provider }) => provider === 'aurora-chat');
  text.max_wait_seconds = MAX_WAIT_MS / 1_000;
  image.routes = image.routes.filter(({ provider }) => provider === 'borealis-images');
  const limit = { requests_per_minute: 60 };
  models[HD].routes = models[HD].routes.filter(({ provider }) => provider === 'polaris-jobs');
  Object.assign(polaris, {
    accounts: [
      { name: 'one', ...limit },
      { name: 'two', ...limit },
    ],
  });
  // A job is asked for again and again within it, however slow the machine is.
  polaris.timeout_ms = 30_000;
  aurora.bulkhead = 1;
  aurora.timeout_ms = 30_000;
  aurora.breaker['failures_to_open'] = 3;
  aurora.breaker['open_ms'] = OPEN_MS;
}

const HD = 'image-generation-hd';
/** The clock is put forward past it: a slow machine is never back too early. */
const OPEN_MS = 30_000;
const MAX_WAIT_MS = 3_000;

const waiting = async ({ metrics }: Infra): Promise<number> => {
  const { values } = await metrics.handled.get();
  const own = values.filter(
    ({ labels }) => labels.group === 'run-execution' && labels.outcome === 'waiting',
  );
  return own.reduce((sum, { value }) => sum + value, 0);
};
const rests = async ({ metrics }: Infra): Promise<boolean> =>
  (await metrics.breakerOpen.get()).values.some(({ value }) => value === 1);
const statusOf = async ({ executions }: Infra, { executionId }: Asked): Promise<string> =>
  (await executions.load(executionId)).state.status;

describe('run-execution, when providers are busy or fail', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let stop: () => Promise<void>;

  before(async () => {
    spec = await openSpecInfra(narrow);
  });
  after(() => spec.close());
  beforeEach(async () => {
    await behaveWell(spec.sandbox.url);
    const quick = { latency: 5 };
    await behave(spec.sandbox.url, { aurora: quick, borealis: quick, polaris: quick });
    const { infra } = spec;
    stop = spec.run([...projectorWorkers(infra), ...processorWorkers(infra)]);
    // No circuit is open, whatever the spec before has left.
    spec.clock.aheadMs += OPEN_MS;
    for (let n = 0; n < 2; n += 1)
      expect(await whenOver(infra, await ask(infra), 20_000)).to.equal('completed');
  });
  afterEach(() => stop());

  /** As many as open a circuit, of an organization each. */
  const askSeveral = () => Promise.all([ask(spec.infra), ask(spec.infra), ask(spec.infra)]);

  it('waits for the limits of a provider, over all its accounts, and fails nothing', async () => {
    const { infra } = spec;
    const organizationId = newOrganization();
    const input = smallImage('a boat');
    const all = await Promise.all(
      Array.from({ length: 12 }, () => ask(infra, { organizationId, model: HD, input })),
    );
    for (const asked of all) expect(await whenOver(infra, asked, 30_000)).to.equal('completed');
    const claims = await Promise.all(
      all.map((asked) => eventOf(infra, asked, 'ProviderDispatched')),
    );
    const accounts = claims.map(({ data }) => data.account);
    expect(new Set(accounts)).to.deep.equal(new Set(['one', 'two']));
    const times = claims.map(({ data }) => Date.parse(data.at)).toSorted((a, b) => a - b);
    // Four of each at once, and one of each a second after that.
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).to.be.at.least(1_500);
  });

  const askMany = async (count: number) => {
    const organizationId = newOrganization();
    return Promise.all(
      Array.from({ length: count }, () => ask(spec.infra, { organizationId, expiresInMs: 60_000 })),
    );
  };
  const slots = (bulkhead: number) =>
    spec.editCatalogue(({ providers }) => Object.assign(providers['aurora-chat']!, { bulkhead }));
  const codeOf = async (asked: Asked) =>
    (await eventOf(spec.infra, asked, 'ExecutionFailed')).data.code;

  /** Where the log tells that they were given to a provider, in that order. */
  const turnsOf = async (all: readonly Asked[]): Promise<bigint[]> => {
    const positions = await Promise.all(
      all.map(async ({ stream }) => {
        const events = await spec.infra.store.readStream(stream);
        const claim = events.find(({ type }) => type === 'ProviderDispatched');
        return claim?.position ?? 0n;
      }),
    );
    return positions.sort((a, b) => (a < b ? -1 : 1));
  };

  it('waits for a slot at a full provider, and goes on', async () => {
    const { infra } = spec;
    const { length } = await allCalls(spec.sandbox.url);
    const asked = await askMany(40);
    for (const one of asked) expect(await whenOver(infra, one)).to.equal('completed');
    const used = await infra.metrics.bulkheadInUse.get();
    expect(used.values.every(({ value }) => value === 0)).to.equal(true);
    expect(await allCalls(spec.sandbox.url)).to.have.length(length + 40);
  });

  it('lets no model wait for another one’s provider, however many wait for that', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { aurora: { latency: 5_000 } });
    const asked = await askMany(700);
    const all = async () => (await waiting(infra)) >= asked.length - 1;
    await eventually('all of them wait', all, 30_000);
    const pictures = await Promise.all(
      Array.from({ length: 20 }, () => ask(infra, { model: IMAGE, input: smallImage('A boat') })),
    );
    for (const one of pictures) expect(await whenOver(infra, one, 20_000)).to.equal('completed');
    const statuses = await Promise.all(asked.map((one) => statusOf(infra, one)));
    expect(statuses.filter((status) => status === 'completed')).to.have.length.below(10);
    await behave(spec.sandbox.url, { aurora: { latency: 0 } });
    await slots(64);
    for (const one of asked) expect(await whenOver(infra, one, 40_000)).to.equal('completed');
    expect(await infra.bus.deadLetters()).to.deep.equal([]);
    expect(await infra.waiting.queues()).to.deep.equal([]);
    await slots(1);
  });

  it('shares the slots of one model among its organizations', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { aurora: { latency: 60 } });
    const many = await askMany(120);
    const few = await askMany(5);
    for (const one of few) expect(await whenOver(infra, one, 30_000)).to.equal('completed');
    await behave(spec.sandbox.url, { aurora: { latency: 0 } });
    for (const one of many) expect(await whenOver(infra, one, 40_000)).to.equal('completed');
    // From the first of the few on, each of both has a turn; so long as many are left.
    const [[first, ...others], ofMany] = [await turnsOf(few), await turnsOf(many)];
    const last = others.at(-1)!;
    const between = ofMany.filter((turn) => turn > first! && turn < last);
    expect(between).to.have.length.within(others.length - 2, 2 * others.length);
    expect(ofMany.filter((turn) => turn > last)).not.to.deep.equal([]);
  });

  it('fails what has waited too long while all routes rest, and goes on afterwards', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { aurora: { errorRate: 1, errorStatus: 500 } });
    const firsts = await askSeveral();
    await eventually('the provider rests', () => rests(infra), 15_000);
    const second = await ask(infra);
    expect(await whenOver(infra, second)).to.equal('failed');
    expect(await codeOf(second)).to.equal('MODEL_UNAVAILABLE');
    const [requested, failed] = await eventsOf(infra, second);
    expect([requested?.type, failed?.type]).to.deep.equal([
      'ExecutionRequested',
      'ExecutionFailed',
    ]);
    const waitedMs = Date.parse(failed!.data.at) - Date.parse(requested!.data.at);
    expect(waitedMs).to.be.at.least(MAX_WAIT_MS);
    expect((await whenHoldEnded(infra, second)).type).to.equal('HoldReleased');
    expect(await callsFor(spec.sandbox.url, second.executionId)).to.deep.equal([]);
    for (const one of firsts) expect(await whenOver(infra, one, 20_000)).to.equal('failed');
    await behaveWell(spec.sandbox.url);
    spec.clock.aheadMs += OPEN_MS;
    expect(await whenOver(infra, await ask(infra))).to.equal('completed');
  });

  it('goes on with whoever waits when a resting provider is back', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { aurora: { errorRate: 1, errorStatus: 500 } });
    const firsts = await askSeveral();
    await eventually('the provider rests', () => rests(infra), 15_000);
    await behaveWell(spec.sandbox.url);
    const others = await askMany(20);
    spec.clock.aheadMs += OPEN_MS;
    for (const one of others) expect(await whenOver(infra, one)).to.equal('completed');
    for (const one of firsts) await whenOver(infra, one, 20_000);
  });

  it('waits longer for a resting provider that alone can tell whether it was paid', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { aurora: { misbehaviour: 'reset-mid-body' } });
    const several = await askSeveral();
    const [asked] = several;
    await whenTypes(infra, asked, 'ProviderOutcomeUnknown');
    await eventually('the provider rests', () => rests(infra), 15_000);
    await behave(spec.sandbox.url, { aurora: { misbehaviour: 'none' } });
    expect(await whenOver(infra, await ask(infra))).to.equal('failed');
    expect(await statusOf(infra, asked)).not.to.equal('failed');
    spec.clock.aheadMs += OPEN_MS;
    expect(await whenOver(infra, asked)).to.equal('completed');
    const calls = await callsFor(spec.sandbox.url, asked.executionId);
    expect(calls.filter(({ paid }) => paid)).to.have.length(1);
    for (const one of several) await whenOver(infra, one, 20_000);
  });

  it('calls a model overloaded whose provider asks for a rest, and comes back', async () => {
    const { infra } = spec;
    const busy = { errorRate: 1, errorStatus: 429, retryAfterSeconds: 30 };
    await behave(spec.sandbox.url, { aurora: busy });
    const first = await ask(infra);
    await whenTypes(infra, first, 'ProviderFailed');
    const { data } = await eventOf(infra, first, 'ProviderFailed');
    // It is counted from the answer, which is recorded a little later.
    expect(Date.parse(data.notBefore ?? '') - Date.parse(data.at)).to.be.at.least(29_000);
    const second = await ask(infra);
    expect(await whenOver(infra, second)).to.equal('failed');
    expect(await codeOf(second)).to.equal('MODEL_OVERLOADED');
    await behaveWell(spec.sandbox.url);
    spec.clock.aheadMs += 30_000;
    expect(await whenOver(infra, first)).to.equal('completed');
  });

  it('fails when the rest would outlast the execution', async () => {
    const { infra } = spec;
    const busy = { errorRate: 1, errorStatus: 429, retryAfterSeconds: 60 };
    await behave(spec.sandbox.url, { aurora: busy });
    const asked = await ask(infra, { expiresInMs: 30_000 });
    expect(await whenOver(infra, asked)).to.equal('failed');
    expect(await codeOf(asked)).to.equal('MODEL_OVERLOADED');
    expect(await callsFor(spec.sandbox.url, asked.executionId)).to.have.length(1);
    expect((await eventOf(infra, asked, 'ExecutionFailed')).data.retryAfterSeconds).to.equal(60);
    const next = await ask(infra, { expiresInMs: 30_000 });
    expect(await whenOver(infra, next)).to.equal('failed');
    expect(await codeOf(next)).to.equal('MODEL_OVERLOADED');
    expect(await callsFor(spec.sandbox.url, next.executionId)).to.deep.equal([]);
    const { data } = await eventOf(infra, next, 'ExecutionFailed');
    expect(data.retryAfterSeconds).to.be.within(30, 60);
  });
});
