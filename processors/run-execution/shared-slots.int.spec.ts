import { expect } from 'chai';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { allCalls, behave, behaveWell } from '../../sandbox/testing/behaviour.js';
import { eventually } from '../../testing/eventually.js';
import { ask, TEXT, whenOver } from '../testing/kit.js';
import { openAcceptedJobs } from './accepted-jobs.js';
import { openRunExecution } from './run-execution.js';

const EXECUTIONS = 12;

describe('run-execution, with processes that share a bulkhead', function () {
  this.timeout(60_000);
  let spec: SpecInfra;

  before(async () => {
    spec = await openSpecInfra(({ providers, models }) => {
      const { 'aurora-chat': aurora } = providers;
      const { [TEXT]: text } = models;
      if (!aurora || !text) throw new Error('the bundled catalogue has changed');
      aurora.bulkhead = 1;
      text.routes = text.routes.filter(({ provider }) => provider === 'aurora-chat');
    });
    await behaveWell(spec.sandbox.url);
  });
  after(() => spec.close());

  it('has one call at a time at a provider of one slot, and all are served', async () => {
    await behave(spec.sandbox.url, { aurora: { latency: 60 } });
    const stop = new AbortController();
    const infras = [spec.infra, (await spec.another()).infra];
    const processes = infras.map((infra) => openRunExecution(infra, openAcceptedJobs(infra)));
    for (const { group } of processes) group.begin?.(stop.signal);
    const inUse = async () => {
      const gauges = await Promise.all(infras.map(({ metrics }) => metrics.bulkheadInUse.get()));
      return gauges.map(({ values }) =>
        values
          .filter(({ labels }) => labels.provider === 'aurora-chat')
          .reduce((sum, { value }) => sum + value, 0),
      );
    };
    const asked = await Promise.all(
      Array.from({ length: EXECUTIONS }, () => ask(spec.infra, { expiresInMs: 60_000 })),
    );
    const advanced = asked.map(async ({ executionId }, index) => {
      const metadata = {
        actor: 'spec',
        correlationId: executionId,
        causationId: 'spec',
      };
      await processes[index % 2]?.advance(executionId, metadata, stop.signal);
    });
    const seen = new Set<string>();
    const over = Promise.all(asked.map((one) => whenOver(spec.infra, one, 40_000)));
    let isOver = false;
    void over.finally(() => (isOver = true)).catch(() => undefined);
    const look = async () => {
      seen.add(String(await inUse()));
      return isOver;
    };
    await eventually('all are over', look, 45_000);
    await Promise.all(advanced);
    expect(await over).to.deep.equal(asked.map(() => 'completed'));
    expect([...seen], 'one at a time').to.not.include('1,1');
    expect(seen.has('1,0') || seen.has('0,1'), 'calls were seen').to.equal(true);
    expect(await allCalls(spec.sandbox.url)).to.have.length(EXECUTIONS);
    stop.abort();
    await Promise.all(processes.map((one) => one.drain(1_000)));
    const { rows } = await spec.infra.readStore.query('SELECT 1 FROM processing.slot_shares');
    expect(rows, 'no slot is left held').to.deep.equal([]);
  });
});
