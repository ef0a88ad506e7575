import { expect } from 'chai';
import type { ExecutionId } from '../../contracts/ids.js';
import { openRepositories } from '../../command-handling/repositories.js';
import { watch } from '../../command-handling/testing/kit.js';
import { openMemoryCheckpoints } from '../../infra/checkpoints/testing/memory.js';
import { openInProcessBus } from '../../infra/event-bus/in-process.js';
import { StoreUnavailable, type AppendUnit } from '../../infra/event-store/port.js';
import type { Infra } from '../../runtime/infra.js';
import { projectorWorkers } from '../../projectors/app.js';
import { eventually } from '../../testing/eventually.js';
import {
  openSpecInfra,
  CALL_TIMEOUT_MS,
  type SpecInfra,
} from '../../runtime/testing/spec-infra.js';
import { behave, behaveWell, callsFor } from '../../sandbox/testing/behaviour.js';
import { processorWorkers } from '../app.js';
import {
  ask,
  claimFor,
  decideOn,
  eventOf,
  eventsOf,
  TEXT,
  typesOf,
  whenHoldEnded,
  whenOver,
  whenTypes,
  words,
  type Asked,
} from '../testing/kit.js';

describe('run-execution, when something dies', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let stop: () => Promise<void> = async () => undefined;

  before(async () => {
    spec = await openSpecInfra();
  });
  after(() => spec.close());
  beforeEach(async () => {
    await behaveWell(spec.sandbox.url);
    await behave(spec.sandbox.url, { aurora: { latency: 5 }, borealis: { latency: 5 } });
  });
  afterEach(async () => {
    await stop();
    stop = async () => undefined;
    spec.clock.aheadMs = 0;
  });

  const start = (infra: Infra = spec.infra) => {
    stop = spec.run([...projectorWorkers(infra), ...processorWorkers(infra)]);
  };
  const callsOf = async ({ executionId }: { executionId: ExecutionId }) =>
    callsFor(spec.sandbox.url, executionId);
  const holds = (unit: AppendUnit, { stream }: Pick<Asked, 'stream'>, type: string) =>
    unit.appends.some((one) => one.stream === stream && one.events.some((e) => e.type === type));

  /** What the request did that left before its process was killed: the provider is owed for it. */
  async function callWasMade(slug: string, dispatchKey: string) {
    const { providers, models } = spec.infra.catalogue.current();
    const provider = providers.get(slug)!;
    const route = models.get(TEXT)!.routes.find((one) => one.provider === slug)!;
    const outcome = await spec.infra.providers.adapter(provider.adapter).call({
      provider,
      providerModel: route.providerModel,
      modality: 'text',
      input: words('Tell me of the sea.'),
      dispatchKey,
      timeoutMs: 1_000,
      signal: new AbortController().signal,
    });
    expect(outcome.kind).to.equal('succeeded');
  }

  it('asks once more under the key of a request that left before a kill', async () => {
    const { infra } = spec;
    const asked = await ask(infra);
    const dispatchKey = await claimFor(infra, asked, 'aurora-chat', 400);
    await callWasMade('aurora-chat', dispatchKey);
    start();
    expect(await whenOver(infra, asked)).to.equal('completed');
    const calls = await callsOf(asked);
    expect(calls.map((call) => [call.personality, call.dispatchKey])).to.deep.equal([
      ['aurora', dispatchKey],
      ['aurora', dispatchKey],
    ]);
    expect(calls.filter(({ paid }) => paid)).to.have.length(1);
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldSettled');
  });

  it('never asks a provider without keys again that such a request had reached', async () => {
    const { infra } = spec;
    const asked = await ask(infra);
    const dispatchKey = await claimFor(infra, asked, 'borealis-chat', 400);
    await callWasMade('borealis-chat', dispatchKey);
    start();
    expect(await whenOver(infra, asked)).to.equal('completed');
    const calls = await callsOf(asked);
    expect(calls.map((call) => call.personality)).to.deep.equal(['borealis', 'aurora']);
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldSettled');
  });

  it('takes up at the deadline what a dead process had claimed, under the same key', async () => {
    const { infra } = spec;
    const asked = await ask(infra);
    const dispatchKey = await claimFor(infra, asked, 'aurora-chat', 400);
    start();
    expect(await whenOver(infra, asked)).to.equal('completed');
    const types = await typesOf(infra, asked);
    expect(types).to.deep.equal([
      'ExecutionRequested',
      'ProviderDispatched',
      'ProviderOutcomeUnknown',
      'ProviderDispatched',
      'ExecutionCompleted',
    ]);
    const calls = await callsOf(asked);
    expect(calls.map((call) => [call.dispatchKey, call.paid])).to.deep.equal([[dispatchKey, true]]);
  });

  it('leaves a provider that knows no keys at the deadline, for another one', async () => {
    const { infra } = spec;
    const asked = await ask(infra);
    const dispatchKey = await claimFor(infra, asked, 'borealis-chat', 400);
    start();
    expect(await whenOver(infra, asked)).to.equal('completed');
    const { data } = await eventOf(infra, asked, 'ProviderOutcomeUnknown');
    expect(data).to.include({ provider: 'borealis-chat', repeatable: false });
    expect(data.mayHaveCost! > 0n && data.mayHaveCost! <= 10_000n).to.equal(true);
    const calls = await callsOf(asked);
    expect(calls.map((call) => [call.personality, call.paid])).to.deep.equal([['aurora', true]]);
    expect(calls.map((call) => call.dispatchKey)).to.not.include(dispatchKey);
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldSettled');
  });

  it('gives up at the deadline where no more may be lost', async () => {
    const { infra } = spec;
    await spec.editCatalogue(({ models }) => (models[TEXT]!.unknown_max_cost = '0'));
    const asked = await ask(infra);
    await claimFor(infra, asked, 'borealis-chat', 400);
    start();
    expect(await whenOver(infra, asked)).to.equal('failed');
    const { data } = await eventOf(infra, asked, 'ExecutionFailed');
    expect(data.code).to.equal('GENERATION_TIMEOUT');
    expect(await callsOf(asked)).to.deep.equal([]);
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldReleased');
    await spec.editCatalogue(({ models }) => delete models[TEXT]!.unknown_max_cost);
  });

  it('waits for no route that the catalogue has lost since', async () => {
    const { infra } = spec;
    const asked = await ask(infra);
    await claimFor(infra, asked, 'aurora-chat', 60_000);
    await decideOn(infra, asked.executionId, {
      type: 'RecordUnknown',
      attempt: 1,
      reason: 'spec',
      repeatable: true,
      attemptsMax: 4,
      at: new Date().toISOString(),
    });
    await spec.editCatalogue(({ models }) => {
      for (const model of Object.values(models))
        model.routes = model.routes.filter(({ provider }) => provider !== 'aurora-chat');
    });
    start();
    expect(await whenOver(infra, asked)).to.equal('failed');
    const { data } = await eventOf(infra, asked, 'ExecutionFailed');
    expect(data.code).to.equal('GENERATION_TIMEOUT');
    await spec.editCatalogue(({ models }) => {
      const routes = models['text-generation-standard']?.routes;
      const own = routes?.[0];
      if (own) routes.unshift({ ...own, provider: 'aurora-chat', provider_model: 'aurora-text-1' });
    });
  });

  it('makes the call when the answer to its claim was lost', async () => {
    const { infra } = spec;
    const store = watch(infra.store);
    const asked = await ask(infra);
    let lost = 0;
    store.before = async (unit) => {
      if (lost > 0 || !holds(unit, asked, 'ProviderDispatched')) return;
      lost += 1;
      await infra.store.append(unit);
      throw new StoreUnavailable('the answer was lost');
    };
    start({ ...infra, store, ...openRepositories(store) });
    expect(await whenOver(infra, asked)).to.equal('completed');
    expect(lost).to.equal(1);
    expect(await typesOf(infra, asked)).to.deep.equal([
      'ExecutionRequested',
      'ProviderDispatched',
      'ExecutionCompleted',
    ]);
    expect(await callsOf(asked)).to.have.length(1);
  });

  it('records a paid result also after an outage that outlasts the deadline', async () => {
    const { infra } = spec;
    const store = watch(infra.store);
    const asked = await ask(infra);
    let doubted = 0;
    let isAway = true;
    store.before = async (unit) => {
      const doubts = holds(unit, asked, 'ProviderOutcomeUnknown');
      if (!isAway || (!doubts && !holds(unit, asked, 'ExecutionCompleted'))) return;
      doubted += doubts ? 1 : 0;
      if (!doubts) spec.clock.aheadMs = CALL_TIMEOUT_MS + 60_000;
      throw new StoreUnavailable('away');
    };
    start({ ...infra, store, ...openRepositories(store) });
    await eventually('the deadline passed', () => doubted > 0);
    isAway = false;
    expect(await whenOver(infra, asked)).to.equal('completed');
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldSettled');
    expect(await callsOf(asked)).to.have.length(1);
  });

  it('fails what cannot be recorded as it is, at once', async () => {
    const { infra } = spec;
    const store = watch(infra.store);
    const asked = await ask(infra);
    store.before = async (unit) => {
      if (holds(unit, asked, 'ExecutionCompleted')) throw new Error('not to be written');
    };
    start({ ...infra, store, ...openRepositories(store) });
    expect(await whenOver(infra, asked)).to.equal('failed');
    const { data } = await eventOf(infra, asked, 'ExecutionFailed');
    expect(data).to.include({ code: 'INTERNAL_ERROR', retryable: false });
    const ERROR = 50;
    const lines = spec.logged.filter(({ level }) => level === ERROR);
    expect(lines.map(({ executionId, msg }) => [executionId, msg])).to.deep.equal([
      [asked.executionId, 'an outcome cannot be recorded as it is'],
    ]);
  });

  it('parks what throws whenever it is looked at; its expiry ends it and its hold', async () => {
    const { infra } = spec;
    const store = watch(infra.store);
    // Two hundred times as quick as the wall: thirty tries in a second.
    const clock = () => performance.now() * 200;
    const checkpoints = openMemoryCheckpoints();
    const bus = openInProcessBus({ store, checkpoints, log: infra.log, clock });
    const asked = await ask(infra, { expiresInMs: 5_000 });
    store.before = async (unit) => {
      if (holds(unit, asked, 'ProviderDispatched')) throw new Error('a poisoned execution');
    };
    const other = await ask(infra);
    start({ ...infra, store, bus, ...openRepositories(store) });
    expect(await whenOver(infra, other)).to.equal('completed');
    const letter = await eventually('the dead letter', async () => (await bus.deadLetters())[0]);
    expect(letter).to.include({ group: 'run-execution', stream: asked.stream, attempts: 30 });
    expect(await typesOf(infra, asked)).to.deep.equal(['ExecutionRequested']);
    spec.clock.aheadMs = 6_000;
    expect(await whenOver(infra, asked)).to.equal('expired');
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldReleased');
  });

  it('finishes calls within the drain, and leaves the longer ones to their deadline', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { aurora: { latency: 500 }, borealis: { latency: 500 } });
    start();
    const asked = await ask(infra);
    await whenTypes(infra, asked, 'ProviderDispatched');
    const began = performance.now();
    await stop();
    expect(performance.now() - began).to.be.below(8_000);
    expect((await eventsOf(infra, asked)).at(-1)?.type).to.equal('ExecutionCompleted');
    stop = async () => undefined;
  });
});
