import { expect } from 'chai';
import { projectorWorkers } from '../projectors/app.js';
import { openSpecInfra, type SpecInfra } from '../runtime/testing/spec-infra.js';
import { startReceiver } from '../testing/receiver.js';
import { behave, callsFor } from '../sandbox/testing/behaviour.js';
import { eventually } from '../testing/eventually.js';
import { processorWorkers } from './app.js';
import { ask, typesOf, whenOver, whenTypes } from './testing/kit.js';

const CALL_MS = 20_000;

describe('processors, when they are stopped', function () {
  this.timeout(60_000);
  let spec: SpecInfra;

  before(async () => {
    spec = await openSpecInfra(({ providers }) => {
      for (const provider of Object.values(providers)) provider.timeout_ms = CALL_MS;
    });
  });
  after(() => spec.close());

  const start = ({ infra }: Pick<SpecInfra, 'infra'>) =>
    spec.run([...projectorWorkers(infra), ...processorWorkers(infra)]);

  it('are done within ten seconds; what was cut goes on elsewhere, paid for once', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { aurora: { latency: 5 }, borealis: { errorRate: 1 } });
    const slow = await startReceiver({ slowMs: CALL_MS });
    const stop = start(spec);
    const told = await ask(infra, { webhookUrl: slow.url });
    await whenOver(infra, told);
    await eventually('the slow receiver is being told', () => slow.told.length === 2);
    await behave(spec.sandbox.url, { aurora: { latency: 12_000 } });
    const asked = await ask(infra);
    await whenTypes(infra, asked, 'ProviderDispatched');
    const began = performance.now();
    await stop();
    expect(performance.now() - began).to.be.within(6_000, 9_500);
    expect((await typesOf(infra, asked)).at(-1)).to.equal('ProviderDispatched');
    expect((await typesOf(infra, told)).at(-1)).to.equal('ExecutionCompleted');
    await behave(spec.sandbox.url, { aurora: { latency: 5 } });
    spec.clock.aheadMs = CALL_MS + 10_000;
    const stopOther = start(await spec.another());
    expect(await whenOver(infra, asked)).to.equal('completed');
    await stopOther();
    await eventually(
      'the first call is over, too',
      async () => {
        const calls = await callsFor(spec.sandbox.url, asked.executionId);
        return calls.every(({ status }) => status !== null) && calls.length === 2;
      },
      10_000,
    );
    const calls = await callsFor(spec.sandbox.url, asked.executionId);
    expect(new Set(calls.map(({ dispatchKey }) => dispatchKey)).size).to.equal(1);
    expect(calls.filter(({ paid }) => paid)).to.have.length(1);
    await slow.close();
  });
});
