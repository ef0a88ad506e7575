import { expect } from 'chai';
import type { ExecutionId } from '../../contracts/ids.js';
import { projectorWorkers } from '../../projectors/app.js';
import type { Infra } from '../../runtime/infra.js';
import {
  openSpecInfra,
  type CatalogueFile,
  type SpecInfra,
} from '../../runtime/testing/spec-infra.js';
import { behave, behaveWell, callsFor } from '../../sandbox/testing/behaviour.js';
import { eventually } from '../../testing/eventually.js';
import { processorWorkers } from '../app.js';
import {
  accountOf,
  ask,
  cancel,
  eventOf,
  FUNDS,
  smallImage,
  typesOf,
  whenHoldEnded,
  whenOver,
  whenTypes,
  type Asked,
} from '../testing/kit.js';

const MODEL = 'image-generation-hd';
const JOB_MS = 400;
/** Of an attempt, before the slack of its deadline. */
const TIMEOUT_MS = 20_000;
const SLACK_MS = 5_000;

/** Polaris first, whatever was observed; it is asked often. */
function hurry({ providers, models }: CatalogueFile): void {
  const polaris = providers['polaris-jobs'];
  const [job, direct] = models[MODEL]?.routes ?? [];
  if (!polaris || !job || !direct) throw new Error('the bundled catalogue has changed');
  Object.assign(polaris, {
    timeout_ms: TIMEOUT_MS,
    bulkhead: 4,
    poll: { first_ms: 50, every_ms: 100, max_ms: 500 },
  });
  Object.assign(direct, { price: { per_image: '60' }, cost: { per_image: '50' } });
}

describe('poll-provider-jobs', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let stop: () => Promise<void>;

  before(async () => {
    spec = await openSpecInfra(hurry);
  });
  after(() => spec.close());
  beforeEach(async () => {
    await behaveWell(spec.sandbox.url);
    const quick = { latency: 5 };
    await behave(spec.sandbox.url, { polaris: { ...quick, jobMs: JOB_MS }, borealis: quick });
    stop = start(spec.infra);
  });
  afterEach(async () => {
    await stop();
    spec.clock.aheadMs = 0;
  });

  const start = (infra: Infra) =>
    spec.run([...projectorWorkers(infra), ...processorWorkers(infra)]);
  const askFor = (prompt: string, more = {}) =>
    ask(spec.infra, { model: MODEL, input: smallImage(prompt), ...more });
  const requests = async ({ executionId }: { executionId: ExecutionId }) =>
    (await callsFor(spec.sandbox.url, executionId)).filter(
      ({ personality }) => personality === 'polaris',
    );
  const created = async (asked: Asked) =>
    (await requests(asked)).filter(({ path }) => path === '/polaris/v1/jobs');
  const polled = async (asked: Asked) =>
    (await requests(asked)).filter(({ path }) => /^\/polaris\/v1\/jobs\/\w+$/.test(path));
  const calledOff = async (asked: Asked) =>
    (await requests(asked)).filter(({ path }) => path.endsWith('/cancel'));
  const slots = async () => {
    const { values } = await spec.infra.metrics.bulkheadInUse.get();
    return values.find(({ labels }) => labels.provider === 'polaris-jobs')?.value ?? 0;
  };

  it('asks until the job is done, and charges once for a picture that is ours', async () => {
    const { infra } = spec;
    const asked = await askFor('A lighthouse');
    await whenTypes(infra, asked, 'ProviderAccepted');
    expect(await slots(), 'a job counts as a call').to.equal(1);
    expect(await whenOver(infra, asked)).to.equal('completed');
    expect(await typesOf(infra, asked)).to.deep.equal([
      'ExecutionRequested',
      'ProviderDispatched',
      'ProviderAccepted',
      'ProviderSucceeded',
      'ExecutionCompleted',
    ]);
    const { data } = await eventOf(infra, asked, 'ExecutionCompleted');
    expect(data.files.map(({ format, width }) => [format, width])).to.deep.equal([['png', 256]]);
    expect(data.cost).to.equal(60_000n);
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldSettled');
    expect(await accountOf(infra, asked.organizationId)).to.deep.include({
      available: FUNDS - data.cost,
      held: 0n,
    });
    expect((await created(asked)).map(({ paid }) => paid)).to.deep.equal([true]);
    expect((await polled(asked)).length).to.be.within(1, 8);
    expect(await slots()).to.equal(0);
  });

  it('goes on to the other route when the job fails', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { polaris: { jobsEnd: 'failed' } });
    const asked = await askFor('A fox');
    expect(await whenOver(infra, asked)).to.equal('completed');
    const failed = await eventOf(infra, asked, 'ProviderFailed');
    expect(failed.data).to.include({ provider: 'polaris-jobs', detail: 'the job failed' });
    expect((await eventOf(infra, asked, 'ProviderSucceeded')).data.provider).to.equal(
      'borealis-images',
    );
    expect(await slots()).to.equal(0);
  });

  it('asks again after questions that went wrong', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { polaris: { faultsOn: 'polls', misbehaviour: 'malformed' } });
    const asked = await askFor('A whale');
    await eventually('it was asked twice', async () => (await polled(asked)).length >= 2);
    await behave(spec.sandbox.url, {
      polaris: { misbehaviour: 'none', errorRate: 1, errorStatus: 503 },
    });
    const { length } = await polled(asked);
    await eventually('it was refused', async () => (await polled(asked)).length > length);
    await behave(spec.sandbox.url, { polaris: { errorRate: 0 } });
    expect(await whenOver(infra, asked)).to.equal('completed');
    expect(await created(asked)).to.have.length(1);
  });

  it('is asked about by another process when the one that made the call has died', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { polaris: { jobMs: 2_000 } });
    const asked = await askFor('A heron');
    await eventually('it was asked once', async () => (await polled(asked)).length > 0);
    await stop();
    expect((await typesOf(infra, asked)).at(-1)).to.equal('ProviderAccepted');
    const other = await spec.another();
    // The only process over its data takes up calls that another left; a job is none of them.
    stop = start({ ...other.infra, beganBefore: await infra.store.head() });
    expect(await whenOver(other.infra, asked)).to.equal('completed');
    expect(await created(asked)).to.have.length(1);
    expect((await typesOf(infra, asked)).includes('ProviderOutcomeUnknown')).to.equal(false);
  });

  it('gives a slot back whose job ended in another process', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { polaris: { jobMs: 60_000 } });
    const asked = await askFor('A crane');
    await whenTypes(infra, asked, 'ProviderAccepted');
    const { revision: _, ...accepted } = await eventOf(infra, asked, 'ProviderAccepted');
    expect(accepted.data.pollAt).to.be.a('string');
    const metadata = { actor: 'spec', correlationId: 'spec', causationId: 'spec' };
    const at = new Date(infra.now()).toISOString();
    await infra.executions.transact(
      asked.executionId,
      { type: 'RecordUnknown', attempt: 1, reason: 'spec', repeatable: false, attemptsMax: 1, at },
      metadata,
    );
    await eventually('the slot is free', async () => (await slots()) === 0, 8_000);
  });

  it('asks under the same key when the provider has forgotten the job', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { polaris: { forgetsJobs: true } });
    const asked = await askFor('An owl');
    await whenTypes(infra, asked, 'ProviderOutcomeUnknown');
    await behave(spec.sandbox.url, { polaris: { forgetsJobs: false } });
    expect(await whenOver(infra, asked)).to.equal('completed');
    const calls = await created(asked);
    expect(new Set(calls.map(({ dispatchKey }) => dispatchKey)).size).to.equal(1);
    expect(calls.filter(({ paid }) => paid)).to.have.length(1);
  });

  it('asks once more at the deadline, then gives the job up and calls it off', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { polaris: { jobsEnd: 'never' } });
    await spec.editCatalogue(({ providers }) => keyed(providers, false));
    const asked = await askFor('A sloth');
    await whenTypes(infra, asked, 'ProviderAccepted');
    spec.clock.aheadMs = TIMEOUT_MS + SLACK_MS + 1_000;
    expect(await whenOver(infra, asked)).to.equal('failed');
    expect((await eventOf(infra, asked, 'ExecutionFailed')).data.code).to.equal(
      'GENERATION_TIMEOUT',
    );
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldReleased');
    await eventually('it is called off', async () => (await calledOff(asked)).length === 1);
    expect(await slots()).to.equal(0);
    await spec.editCatalogue(({ providers }) => keyed(providers, true));
  });

  it('gives a job up when its time is over, though its provider hangs', async () => {
    const { infra } = spec;
    const hanging = { jobsEnd: 'never', faultsOn: 'polls', misbehaviour: 'timeout' } as const;
    await behave(spec.sandbox.url, { polaris: hanging });
    await spec.editCatalogue(({ providers }) =>
      Object.assign(providers['polaris-jobs']!, {
        timeout_ms: 1_500,
        honours_idempotency_key: false,
      }),
    );
    const asked = await askFor('A glacier');
    expect(await whenOver(infra, asked)).to.equal('failed');
    const { at: dispatchedAt } = (await eventOf(infra, asked, 'ProviderDispatched')).data;
    const { at: failedAt } = (await eventOf(infra, asked, 'ExecutionFailed')).data;
    const tookMs = Date.parse(failedAt) - Date.parse(dispatchedAt);
    expect(tookMs, 'a second more at most, and a look at the clock').to.be.within(1_450, 3_500);
    expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldReleased');
    expect(await created(asked)).to.have.length(1);
    await eventually('the slot is free', async () => (await slots()) === 0);
    await spec.editCatalogue(({ providers }) =>
      Object.assign(providers['polaris-jobs']!, {
        timeout_ms: TIMEOUT_MS,
        honours_idempotency_key: true,
      }),
    );
  });

  it('finds at its deadline what was done meanwhile', async () => {
    const { infra } = spec;
    const asked = await askFor('A tortoise');
    await whenTypes(infra, asked, 'ProviderAccepted');
    await stop();
    await new Promise((resolve) => setTimeout(resolve, JOB_MS + 100));
    spec.clock.aheadMs = TIMEOUT_MS + SLACK_MS + 60_000;
    stop = start(infra);
    expect(await whenOver(infra, asked)).to.equal('completed');
    expect((await typesOf(infra, asked)).includes('ProviderOutcomeUnknown')).to.equal(false);
    expect(await created(asked)).to.have.length(1);
  });

  it('calls off the job of a cancelled and of an expired execution', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { polaris: { jobMs: 60_000 } });
    const cancelled = await askFor('A comet');
    const expired = await askFor('A mayfly', { expiresInMs: 10_000 });
    for (const asked of [cancelled, expired]) await whenTypes(infra, asked, 'ProviderAccepted');
    await cancel(infra, cancelled);
    await eventually('one is called off', async () => (await calledOff(cancelled)).length === 1);
    spec.clock.aheadMs = 11_000;
    expect(await whenOver(infra, expired)).to.equal('expired');
    await eventually('so is the other', async () => (await calledOff(expired)).length === 1);
    for (const asked of [cancelled, expired])
      expect((await whenHoldEnded(infra, asked)).type).to.equal('HoldReleased');
    await eventually('the slots are free', async () => (await slots()) === 0);
  });

  it('takes no more jobs at once than the bulkhead has', async () => {
    const { infra } = spec;
    await spec.editCatalogue(({ models }) => models[MODEL]?.routes.splice(1));
    const asked = await Promise.all(Array.from({ length: 9 }, (_, n) => askFor(`Ship ${n}`)));
    const most = { value: 0 };
    const watch = setInterval(() => {
      void slots().then((now) => (most.value = Math.max(most.value, now)));
    }, 20);
    for (const one of asked) expect(await whenOver(infra, one, 30_000)).to.equal('completed');
    clearInterval(watch);
    expect(most.value).to.equal(4);
    for (const one of asked) expect(await created(one)).to.have.length(1);
  });
});

function keyed(providers: CatalogueFile['providers'], honours: boolean): void {
  Object.assign(providers['polaris-jobs']!, { honours_idempotency_key: honours });
}
