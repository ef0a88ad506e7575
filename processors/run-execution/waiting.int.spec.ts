import { expect } from 'chai';
import type { Infra } from '../../runtime/infra.js';
import { projectorWorkers } from '../../projectors/app.js';
import { eventually } from '../../testing/eventually.js';
import {
  openSpecInfra,
  type CatalogueFile,
  type SpecInfra,
} from '../../runtime/testing/spec-infra.js';
import { behave, behaveWell, callsFor } from '../../sandbox/testing/behaviour.js';
import { processorWorkers } from '../app.js';
import {
  ask,
  cancel,
  newOrganization,
  TEXT,
  whenHoldEnded,
  whenOver,
  type Asked,
} from '../testing/kit.js';
import type { WaitingSettings } from './waiting-entry.js';

/** Text only by aurora, which has two slots. */
function narrow({ providers, models }: CatalogueFile): void {
  const { [TEXT]: text } = models;
  const aurora = providers['aurora-chat'];
  if (!text || !aurora) throw new Error('the bundled catalogue has changed');
  text.routes = text.routes.filter(({ provider }) => provider === 'aurora-chat');
  text.max_wait_seconds = 2;
  aurora.bulkhead = 2;
  aurora.timeout_ms = 20_000;
  aurora.breaker['failures_to_open'] = 3;
  aurora.breaker['open_ms'] = 60_000;
}

const SMALL: WaitingSettings = {
  entriesMax: 10,
  memoryMs: 500,
  soonMs: 0,
  takenMs: 2_000,
  lookMs: 200,
};

describe('executions that wait as rows', function () {
  this.timeout(120_000);
  let spec: SpecInfra;
  let stop: () => Promise<void> = async () => undefined;

  before(async () => {
    spec = await openSpecInfra(narrow);
  });
  after(() => spec.close());
  beforeEach(() => behaveWell(spec.sandbox.url));
  afterEach(async () => {
    await stop();
    stop = async () => undefined;
  });

  const start = (infra: Infra = spec.infra) =>
    spec.run([...projectorWorkers(infra), ...processorWorkers(infra, SMALL)]);
  const askMany = (count: number, expiresInMs = 90_000) => {
    const organizationId = newOrganization();
    return Promise.all(
      Array.from({ length: count }, () => ask(spec.infra, { organizationId, expiresInMs })),
    );
  };
  const rows = async () =>
    (await spec.infra.waiting.sizes()).reduce((sum, { waiting }) => sum + waiting, 0);
  const becomeRows = (count: number) =>
    eventually('they have become rows', async () => (await rows()) >= count, 20_000);
  const allComplete = async (asked: readonly Asked[]) => {
    for (const one of asked) expect(await whenOver(spec.infra, one, 60_000)).to.equal('completed');
    await eventually('no row is left', async () => (await rows()) === 0);
  };
  const calledOnce = async (asked: readonly Asked[]) => {
    for (const { executionId } of asked)
      expect(await callsFor(spec.sandbox.url, executionId)).to.have.length(1);
  };
  const checkpoint = async () =>
    (await spec.infra.bus.lag()).find(({ group }) => group === 'run-execution')?.checkpoint ?? -1n;

  it('outlive their process, and are called once by the next one', async () => {
    await behave(spec.sandbox.url, { aurora: { latency: 1_000 } });
    stop = start();
    const [many, few] = [await askMany(40), await askMany(3)];
    await becomeRows(30);
    await stop();
    await behave(spec.sandbox.url, { aurora: { latency: 20 } });
    stop = start((await spec.another()).infra);
    await allComplete([...many, ...few]);
    await calledOnce([...many, ...few]);
  });

  it('are not looked at without end while an account lacks tokens', async () => {
    await spec.editCatalogue(({ providers }) =>
      Object.assign(providers['aurora-chat']!, { tokens_per_minute: 1_200 }),
    );
    stop = start();
    // More than the account can have at once: it is let through when that is there again.
    const estimatedUsage = { outputTokens: 500 };
    const both = await Promise.all([0, 1].map(() => ask(spec.infra, { estimatedUsage })));
    await eventually('one is done', async () => {
      const { url } = spec.sandbox;
      const calls = await Promise.all(both.map(({ executionId }) => callsFor(url, executionId)));
      return calls.flat().length === 1;
    });
    const looked = async () => {
      const { values } = await spec.infra.metrics.handled.get();
      const own = values.filter(({ labels }) => labels.group === 'run-execution/waiting');
      return own.reduce((sum, { value }) => sum + value, 0);
    };
    const [before, beganMs] = [await looked(), performance.now()];
    await eventually('two seconds are over', async () => performance.now() - beganMs > 2_000);
    expect((await looked()) - before).to.be.below(15);
    await Promise.allSettled(both.map((one) => cancel(spec.infra, one)));
    await spec.editCatalogue(({ providers }) =>
      Object.assign(providers['aurora-chat']!, { tokens_per_minute: undefined }),
    );
  });

  it('hold back no checkpoint', async () => {
    await behave(spec.sandbox.url, { aurora: { latency: 15_000 } });
    const head = await spec.infra.store.head();
    stop = start();
    const asked = await askMany(30);
    await becomeRows(28);
    await eventually('the checkpoint is past them', async () => (await checkpoint()) > head + 30n);
    for (const one of asked) await cancel(spec.infra, one);
    await eventually('no row is left', async () => (await rows()) === 0, 20_000);
  });

  it('are shared by organizations in turn', async () => {
    await behave(spec.sandbox.url, { aurora: { latency: 50 } });
    stop = start();
    const many = await askMany(150);
    await becomeRows(60);
    const few = await askMany(5);
    for (const one of few) expect(await whenOver(spec.infra, one)).to.equal('completed');
    expect(await rows()).to.be.above(20);
    await behave(spec.sandbox.url, { aurora: { latency: 0 } });
    await allComplete(many);
  });

  it('are served by another process where the one that took them died', async () => {
    await behave(spec.sandbox.url, { aurora: { latency: 1_000 } });
    stop = start();
    const asked = await askMany(20);
    await becomeRows(15);
    await stop();
    const taking = { queue: TEXT, holder: 'dead', forMs: 1_500, limit: 20 };
    await spec.infra.waiting.takeOlder({ ...taking, sinceMs: Date.now() });
    await behave(spec.sandbox.url, { aurora: { latency: 20 } });
    stop = start();
    await allComplete(asked);
    await calledOnce(asked);
  });

  it('expire when their time is up, and leave no row', async () => {
    await behave(spec.sandbox.url, { aurora: { latency: 15_000 } });
    stop = start();
    const asked = await askMany(20, 4_000);
    await becomeRows(15);
    const others = asked.slice(2);
    for (const one of others) expect(await whenOver(spec.infra, one)).to.equal('expired');
    await eventually('no row is left', async () => (await rows()) === 0);
    for (const one of others)
      expect((await whenHoldEnded(spec.infra, one)).type).to.equal('HoldReleased');
  });

  it('fail when all routes have rested for as long as the model says', async () => {
    await behave(spec.sandbox.url, { aurora: { errorRate: 1, errorStatus: 500 } });
    stop = start();
    const asked = await askMany(40);
    for (const one of asked) expect(await whenOver(spec.infra, one, 20_000)).to.equal('failed');
    await eventually('no row is left', async () => (await rows()) === 0);
  });
});
