import { expect } from 'chai';
import type { ExecutionId } from '../../contracts/ids.js';
import { eventually } from '../../testing/eventually.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { behave, behaveWell, callsFor } from '../../sandbox/testing/behaviour.js';
import { projectorWorkers } from '../../projectors/app.js';
import { processorWorkers } from '../app.js';
import {
  accountOf,
  ask,
  cancel,
  eventOf,
  eventsOf,
  FUNDS,
  IMAGE,
  smallImage,
  TEXT,
  typesOf,
  whenHoldEnded,
  whenOver,
  whenTypes,
  words,
} from '../testing/kit.js';

const QUICK = { latency: 5 };

describe('run-execution', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let stop: () => Promise<void>;

  before(async () => {
    spec = await openSpecInfra();
  });
  after(() => spec.close());
  beforeEach(async () => {
    await behaveWell(spec.sandbox.url);
    await behave(spec.sandbox.url, { aurora: QUICK, borealis: QUICK });
    const { infra } = spec;
    stop = spec.run([...projectorWorkers(infra), ...processorWorkers(infra)]);
  });
  afterEach(() => stop());

  const paidFor = async (executionId: ExecutionId) =>
    (await callsFor(spec.sandbox.url, executionId)).filter(({ paid }) => paid);

  it('turns a prompt into text, kept and charged', async () => {
    const { infra } = spec;
    const asked = await ask(infra);
    expect(await whenOver(infra, asked)).to.equal('completed');
    expect(await typesOf(infra, asked)).to.deep.equal([
      'ExecutionRequested',
      'ProviderDispatched',
      'ExecutionCompleted',
    ]);
    const { data } = await eventOf(infra, asked, 'ExecutionCompleted');
    const bytes = await infra.payloads.get(data.output);
    const output = JSON.parse(String(bytes)) as { text: string; finish_reason: string };
    expect(output.text).to.have.length.above(20);
    expect(data.cost > 0n && data.cost <= asked.holdAmount).to.equal(true);
    const ended = await whenHoldEnded(infra, asked);
    expect(ended.type === 'HoldSettled' && ended.data.charged).to.equal(data.cost);
    expect(await accountOf(infra, asked.organizationId)).to.deep.include({
      available: FUNDS - data.cost,
      held: 0n,
    });
    expect(await paidFor(asked.executionId)).to.have.length(1);
  });

  it('goes on to the other route at once when the first one fails', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { aurora: { errorRate: 1, errorStatus: 503 } });
    const asked = await ask(infra);
    expect(await whenOver(infra, asked)).to.equal('completed');
    const failed = await eventOf(infra, asked, 'ProviderFailed');
    expect(failed.data).to.include({ provider: 'aurora-chat', retryable: true });
    expect(failed.data).to.not.have.property('notBefore');
    expect((await paidFor(asked.executionId)).map((call) => call.personality)).to.deep.equal([
      'borealis',
    ]);
  });

  it('fails with the canonical code when no route gets through, and costs nothing', async () => {
    const { infra } = spec;
    const broken = { errorRate: 1, errorStatus: 500 };
    await behave(spec.sandbox.url, { aurora: broken, borealis: broken });
    const asked = await ask(infra);
    expect(await whenOver(infra, asked)).to.equal('failed');
    const failures = (await eventsOf(infra, asked)).filter(({ type }) => type === 'ProviderFailed');
    expect(failures).to.have.length(4);
    expect((await eventOf(infra, asked, 'ExecutionFailed')).data).to.include({
      code: 'GENERATION_FAILED',
      message: 'The generation failed.',
      retryable: true,
    });
    const ended = await whenHoldEnded(infra, asked);
    expect(ended.type === 'HoldReleased' && ended.data.amount).to.equal(asked.holdAmount);
    expect(await accountOf(infra, asked.organizationId)).to.deep.include({
      available: FUNDS,
      held: 0n,
    });
  });

  it('goes on to a model that may stand in, at its price, when all routes fail', async () => {
    const { infra } = spec;
    const broken = { errorRate: 1, errorStatus: 500 };
    await behave(spec.sandbox.url, { aurora: broken, borealis: broken, polaris: QUICK });
    const asked = await ask(infra, {
      model: IMAGE,
      input: smallImage('a boat'),
      fallbackModels: ['image-generation-hd'],
    });
    expect(await whenOver(infra, asked)).to.equal('completed');
    const events = await eventsOf(infra, asked);
    const dispatched = events.flatMap(({ type, data }) =>
      type === 'ProviderDispatched' ? [[data.provider, data.model]] : [],
    );
    expect(dispatched).to.deep.equal([
      ['aurora-images', undefined],
      ['borealis-images', undefined],
      ['polaris-jobs', 'image-generation-hd'],
    ]);
    expect((await eventOf(infra, asked, 'ExecutionCompleted')).data.ratedCost).to.equal(60_000n);
  });

  it('goes only where the input can be done, and says why it passed a route over', async () => {
    const { infra } = spec;
    const declare = (tokens: number | undefined) =>
      spec.editCatalogue(({ models }) => {
        for (const route of models[TEXT]?.routes ?? [])
          if (route.provider !== 'aurora-chat') continue;
          else if (tokens === undefined) delete route.capabilities;
          else route.capabilities = { max_tokens: tokens };
      });
    await declare(256);
    const asked = await ask(infra, { input: { prompt: 'A long tale.', max_tokens: 300 } });
    expect(await whenOver(infra, asked)).to.equal('completed');
    const { data } = await eventOf(infra, asked, 'ProviderDispatched');
    expect(data.provider).to.equal('borealis-chat');
    const passedOver = data.candidates.find(({ provider }) => provider === 'aurora-chat');
    expect(passedOver).to.deep.include({ skipped: 'capability', lacks: 'input.max_tokens' });
    const small = await ask(infra, { input: { prompt: 'A short tale.', max_tokens: 256 } });
    expect(await whenOver(infra, small)).to.equal('completed');
    const went = await eventOf(infra, small, 'ProviderDispatched');
    expect(went.data.provider).to.equal('aurora-chat');
    await declare(undefined);
  });

  it('does not take what moderation rejects to another provider', async () => {
    const { infra } = spec;
    const asked = await ask(infra, { input: words('[[moderation]] this') });
    expect(await whenOver(infra, asked)).to.equal('failed');
    expect((await eventOf(infra, asked, 'ExecutionFailed')).data).to.include({
      code: 'CONTENT_MODERATION_REJECTED',
      retryable: false,
    });
    expect(await callsFor(spec.sandbox.url, asked.executionId)).to.have.length(1);
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldReleased');
  });

  const mayLose = (dollars: string | undefined) =>
    spec.editCatalogue(({ models }) => {
      for (const model of Object.values(models))
        if (dollars === undefined) delete model.unknown_max_cost;
        else model.unknown_max_cost = dollars;
    });

  it('asks again under the same key, and is paid for once, when the end is unknown', async () => {
    const { infra } = spec;
    await mayLose('0');
    await behave(spec.sandbox.url, {
      aurora: { misbehaviour: 'reset-mid-body' },
      borealis: { errorRate: 1, errorStatus: 503 },
    });
    const asked = await ask(infra);
    await whenTypes(infra, asked, 'ProviderOutcomeUnknown');
    await behaveWell(spec.sandbox.url);
    expect(await whenOver(infra, asked)).to.equal('completed');
    const calls = (await callsFor(spec.sandbox.url, asked.executionId)).filter(
      ({ personality }) => personality === 'aurora',
    );
    expect(new Set(calls.map(({ dispatchKey }) => dispatchKey)).size).to.equal(1);
    expect((await paidFor(asked.executionId)).map((call) => call.personality)).to.deep.equal([
      'aurora',
    ]);
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldSettled');
    await mayLose(undefined);
  });

  it('never repeats a call of unknown end where the provider knows no keys', async () => {
    const { infra } = spec;
    await mayLose('0');
    await behave(spec.sandbox.url, {
      aurora: { errorRate: 1, errorStatus: 503 },
      borealis: { misbehaviour: 'timeout' },
    });
    const asked = await ask(infra);
    expect(await whenOver(infra, asked)).to.equal('failed');
    const types = await typesOf(infra, asked);
    expect(types.slice(-2)).to.deep.equal(['ProviderOutcomeUnknown', 'ExecutionFailed']);
    expect((await eventOf(infra, asked, 'ExecutionFailed')).data.code).to.equal(
      'GENERATION_TIMEOUT',
    );
    const calls = await callsFor(spec.sandbox.url, asked.executionId);
    expect(calls.filter(({ personality }) => personality === 'borealis')).to.have.length(1);
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldReleased');
    await mayLose(undefined);
  });

  it('goes to another provider while what may have been paid may be lost', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, {
      aurora: { errorRate: 1, errorStatus: 503 },
      borealis: { misbehaviour: 'timeout' },
    });
    const asked = await ask(infra);
    await whenTypes(infra, asked, 'ProviderOutcomeUnknown');
    await behaveWell(spec.sandbox.url);
    expect(await whenOver(infra, asked)).to.equal('completed');
    const unknown = await eventOf(infra, asked, 'ProviderOutcomeUnknown');
    expect(unknown.data).to.include({ provider: 'borealis-chat', repeatable: false });
    // 19 bytes of the prompt, 16 of its frame, and 64 tokens that were asked for.
    expect(unknown.data.mayHaveCost).to.equal(14n + 77n);
    const second = (await eventsOf(infra, asked)).findLast(
      ({ type }) => type === 'ProviderDispatched',
    );
    expect(second?.data).to.include({ provider: 'aurora-chat', unknownMaxCost: 10_000n });
    const calls = await callsFor(spec.sandbox.url, asked.executionId);
    expect(calls.filter(({ personality }) => personality === 'borealis')).to.have.length(1);
    const ended = await whenHoldEnded(infra, asked);
    const { data } = await eventOf(infra, asked, 'ExecutionCompleted');
    expect(ended.type === 'HoldSettled' && ended.data.charged).to.equal(data.cost);
  });

  const slots = async (slug: string) => {
    const { values } = await spec.infra.metrics.bulkheadInUse.get();
    return values.find(({ labels }) => labels.provider === slug)?.value ?? 0;
  };

  it('ends the call of a cancelled execution at once, and charges nothing', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { aurora: { latency: 60_000 } });
    const asked = await ask(infra);
    await whenTypes(infra, asked, 'ProviderDispatched');
    await eventually('it is called', async () =>
      (await callsFor(spec.sandbox.url, asked.executionId)).some(({ status }) => status === null),
    );
    expect(await slots('aurora-chat')).to.equal(1);
    const beganMs = performance.now();
    await cancel(infra, asked);
    await eventually('its slot is free', async () => (await slots('aurora-chat')) === 0);
    expect(performance.now() - beganMs, 'long before its deadline').to.be.below(1_000);
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldReleased');
    expect((await typesOf(infra, asked)).at(-1)).to.equal('ExecutionCancelled');
    expect(await accountOf(infra, asked.organizationId)).to.deep.include({
      available: FUNDS,
      held: 0n,
    });
    const ended = () =>
      spec.logged.find(
        ({ msg, executionId }) => msg === 'attempt' && executionId === asked.executionId,
      );
    expect(await eventually('the call has ended', ended)).to.include({ recorded: 'called_off' });
  });

  it('paints a picture that is ours afterwards', async () => {
    const { infra } = spec;
    const asked = await ask(infra, { model: IMAGE, input: smallImage('Paper boats at dawn') });
    expect(await whenOver(infra, asked)).to.equal('completed');
    expect(await typesOf(infra, asked)).to.deep.equal([
      'ExecutionRequested',
      'ProviderDispatched',
      'ProviderSucceeded',
      'ExecutionCompleted',
    ]);
  });
});
