import { expect } from 'chai';
import type { Infra } from '../../runtime/infra.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { allCalls, behave, behaveWell } from '../../sandbox/testing/behaviour.js';
import { eventually } from '../../testing/eventually.js';
import { ask, TEXT, whenOver, type Asked } from '../testing/kit.js';
import { openAcceptedJobs } from './accepted-jobs.js';
import { openRunExecution, type RunExecution } from './run-execution.js';

const EXECUTIONS = 12;
const AURORA = 'aurora-chat';

/** The most calls at once of all processes together, at every change. */
function watchCalls(infras: readonly Infra[]) {
  const inUse = infras.map(() => 0);
  const most = { of: infras.map(() => 0), together: 0 };
  for (const [index, { metrics }] of infras.entries()) {
    const set = metrics.bulkheadInUse.set.bind(metrics.bulkheadInUse);
    metrics.bulkheadInUse.set = ((labels: { provider: string }, value: number) => {
      if (labels.provider === AURORA) {
        inUse[index] = value;
        most.of[index] = Math.max(most.of[index] ?? 0, value);
        most.together = Math.max(
          most.together,
          inUse.reduce((sum, one) => sum + one, 0),
        );
      }
      set(labels, value);
    }) as typeof metrics.bulkheadInUse.set;
  }
  return most;
}

describe('run-execution, with processes that share a bulkhead', function () {
  this.timeout(90_000);
  let spec: SpecInfra;
  let infras: readonly Infra[];

  before(async () => {
    spec = await openSpecInfra(({ providers, models }) => {
      const { [AURORA]: aurora } = providers;
      const { [TEXT]: text } = models;
      if (!aurora || !text) throw new Error('the bundled catalogue has changed');
      aurora.bulkhead = 1;
      aurora.timeout_ms = 30_000;
      text.routes = text.routes.filter(({ provider }) => provider === AURORA);
    });
    await behaveWell(spec.sandbox.url);
    infras = [spec.infra, (await spec.another()).infra];
  });
  after(() => spec.close());

  const askMany = () =>
    Promise.all(Array.from({ length: EXECUTIONS }, () => ask(spec.infra, { expiresInMs: 80_000 })));
  const areOver = async (asked: readonly Asked[]) =>
    expect(await Promise.all(asked.map((one) => whenOver(spec.infra, one, 60_000)))).to.deep.equal(
      asked.map(() => 'completed'),
    );
  const begin = (stop: AbortController) => {
    const processes = infras.map((infra) => openRunExecution(infra, openAcceptedJobs(infra)));
    for (const { group } of processes) group.begin?.(stop.signal);
    return processes;
  };
  const advance = async (
    one: RunExecution | undefined,
    { executionId }: Asked,
    { signal }: AbortController,
  ) => {
    const metadata = { actor: 'spec', correlationId: executionId, causationId: 'spec' };
    await one?.advance(executionId, metadata, signal);
  };
  const end = async (stop: AbortController, processes: readonly RunExecution[]) => {
    stop.abort();
    await Promise.all(processes.map((one) => one.drain(1_000)));
    const { rows } = await spec.infra.readStore.query('SELECT 1 FROM processing.slot_shares');
    expect(rows, 'no slot is left held').to.deep.equal([]);
  };

  it('has one call at a time at a provider of one slot, and all are served', async () => {
    await behave(spec.sandbox.url, { aurora: { latency: 60 } });
    const { length } = await allCalls(spec.sandbox.url);
    const stop = new AbortController();
    const processes = begin(stop);
    const most = watchCalls(infras);
    const asked = await askMany();
    await Promise.all(asked.map((one, index) => advance(processes[index % 2], one, stop)));
    await areOver(asked);
    expect(most).to.deep.equal({ of: most.of, together: 1 });
    expect(await allCalls(spec.sandbox.url)).to.have.length(length + EXECUTIONS);
    await end(stop, processes);
  });

  it('gives slots to a process that begins to need some while another has all', async () => {
    await spec.editCatalogue(({ providers }) => Object.assign(providers[AURORA]!, { bulkhead: 4 }));
    const slotsAt = ({ catalogue }: Infra) => catalogue.current().providers.get(AURORA)?.bulkhead;
    await eventually('both have read it', () => infras.every((one) => slotsAt(one) === 4), 15_000);
    await behave(spec.sandbox.url, { aurora: { latency: 300 } });
    const stop = new AbortController();
    const processes = begin(stop);
    const most = watchCalls(infras);
    const early = await askMany();
    await Promise.all(early.map((one) => advance(processes[0], one, stop)));
    await eventually('the first has all slots', () => most.of[0] === 4, 15_000);
    const late = await askMany();
    await Promise.all(late.map((one) => advance(processes[1], one, stop)));
    await areOver([...early, ...late]);
    expect(most.together).to.equal(4);
    expect(most.of[1]).to.be.at.least(1);
    await end(stop, processes);
  });
});
