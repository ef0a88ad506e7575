import { expect } from 'chai';
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
  IMAGE,
  newOrganization,
  smallImage,
  TEXT,
  typesOf,
  whenHoldEnded,
  whenOver,
  whenTypes,
  type Asked,
} from '../testing/kit.js';

/** Text only by aurora, which has one slot; pictures only by borealis. */
function narrow({ providers, models }: CatalogueFile): void {
  const { [TEXT]: text, [IMAGE]: image } = models;
  const aurora = providers['aurora-chat'];
  if (!text || !image || !aurora) throw new Error('the bundled catalogue has changed');
  text.routes = text.routes.filter(({ provider }) => provider === 'aurora-chat');
  image.routes = image.routes.filter(({ provider }) => provider === 'borealis-images');
  aurora.bulkhead = 1;
  aurora.timeout_ms = 6_000;
  aurora.breaker['failures_to_open'] = 3;
  aurora.breaker['open_ms'] = OPEN_MS;
}

const OPEN_MS = 6_000;
const ROOM = 448;

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
    await behave(spec.sandbox.url, { aurora: { latency: 5 }, borealis: { latency: 5 } });
    const { infra } = spec;
    stop = spec.run([...projectorWorkers(infra), ...processorWorkers(infra)]);
  });
  afterEach(() => stop());

  const askMany = async (count: number) => {
    const organizationId = newOrganization();
    return Promise.all(
      Array.from({ length: count }, () => ask(spec.infra, { organizationId, expiresInMs: 60_000 })),
    );
  };
  const codeOf = async (asked: Asked) =>
    (await eventOf(spec.infra, asked, 'ExecutionFailed')).data.code;

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
    await behave(spec.sandbox.url, { aurora: { latency: 4_000 } });
    const asked = await askMany(ROOM + 80);
    await eventually('the waiting room is full', async () => {
      const { values } = await infra.metrics.handled.get();
      const isTurnedAway = ({ labels }: (typeof values)[number]) =>
        labels.group === 'run-execution' && labels.outcome === 'threw';
      return values.some(isTurnedAway);
    });
    const began = performance.now();
    const picture = await ask(infra, { model: IMAGE, input: smallImage('A boat') });
    expect(await whenOver(infra, picture)).to.equal('completed');
    expect(performance.now() - began).to.be.below(2_500);
    await behave(spec.sandbox.url, { aurora: { latency: 0 } });
    const slots = (bulkhead: number) =>
      spec.editCatalogue(({ providers }) => Object.assign(providers['aurora-chat']!, { bulkhead }));
    await slots(64);
    for (const one of asked) expect(await whenOver(infra, one, 40_000)).to.equal('completed');
    expect(await infra.bus.deadLetters()).to.deep.equal([]);
    await slots(1);
  });

  it('fails fast while all routes rest, and goes on when they are well again', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { aurora: { errorRate: 1, errorStatus: 500 } });
    const first = await ask(infra);
    expect(await whenOver(infra, first)).to.equal('failed');
    expect(await codeOf(first)).to.equal('MODEL_UNAVAILABLE');
    const types = await typesOf(infra, first);
    expect(types.filter((type) => type === 'ProviderDispatched')).to.have.length(3);
    const second = await ask(infra);
    const began = performance.now();
    expect(await whenOver(infra, second)).to.equal('failed');
    expect(performance.now() - began).to.be.below(1_000);
    expect(await codeOf(second)).to.equal('MODEL_UNAVAILABLE');
    expect(await typesOf(infra, second)).to.deep.equal(['ExecutionRequested', 'ExecutionFailed']);
    expect((await whenHoldEnded(infra, second)).type).to.equal('HoldReleased');
    expect(await callsFor(spec.sandbox.url, second.executionId)).to.deep.equal([]);
    await behaveWell(spec.sandbox.url);
    spec.clock.aheadMs += OPEN_MS;
    expect(await whenOver(infra, await ask(infra))).to.equal('completed');
  });

  it('waits longer for a resting provider that alone can tell whether it was paid', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { aurora: { misbehaviour: 'reset-mid-body' } });
    const asked = await ask(infra);
    await whenTypes(infra, asked, 'ProviderOutcomeUnknown');
    await eventually('the provider rests', async () => {
      const { values } = await infra.metrics.breakerOpen.get();
      return values.some(({ value }) => value === 1);
    });
    await behave(spec.sandbox.url, { aurora: { misbehaviour: 'none' } });
    expect(await whenOver(infra, asked)).to.equal('completed');
    const calls = await callsFor(spec.sandbox.url, asked.executionId);
    expect(calls.filter(({ paid }) => paid)).to.have.length(1);
  });

  it('calls a model overloaded whose provider asks for a rest, and comes back', async () => {
    const { infra } = spec;
    const busy = { errorRate: 1, errorStatus: 429, retryAfterSeconds: 3 };
    await behave(spec.sandbox.url, { aurora: busy });
    const first = await ask(infra);
    await whenTypes(infra, first, 'ProviderFailed');
    const { data } = await eventOf(infra, first, 'ProviderFailed');
    expect(Date.parse(data.notBefore ?? '') - Date.parse(data.at)).to.be.at.least(3_000);
    const second = await ask(infra);
    expect(await whenOver(infra, second)).to.equal('failed');
    expect(await codeOf(second)).to.equal('MODEL_OVERLOADED');
    await behaveWell(spec.sandbox.url);
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
  });
});
