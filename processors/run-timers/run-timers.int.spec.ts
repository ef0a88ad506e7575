import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import type { HoldId } from '../../contracts/ids.js';
import type { Infra } from '../../runtime/infra.js';
import { projectorWorkers } from '../../projectors/app.js';
import { eventually } from '../../testing/eventually.js';
import { openSpecInfra, type LogLine, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { startReceiver } from '../../testing/receiver.js';
import { behave, callsFor } from '../../sandbox/testing/behaviour.js';
import { processorWorkers } from '../app.js';
import { openCompleteBatches } from '../complete-batches/complete-batches.js';
import { settleExecution } from '../settle-execution/settle-execution.js';
import {
  accountOf,
  ask,
  cancel,
  claimFor,
  eventOf,
  fund,
  FUNDS,
  requestFor,
  typesOf,
  whenHoldEnded,
  whenOver,
  type Asked,
} from '../testing/kit.js';

const MINUTE = 60_000;

describe('run-timers', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let stop: () => Promise<void> = async () => undefined;

  before(async () => {
    spec = await openSpecInfra();
    await behave(spec.sandbox.url, { aurora: { latency: 5 }, borealis: { latency: 5 } });
  });
  after(() => spec.close());
  afterEach(async () => {
    await stop();
    stop = async () => undefined;
    spec.clock.aheadMs = 0;
  });

  const start = (infra: Infra = spec.infra) => {
    stop = spec.run([...projectorWorkers(infra), ...processorWorkers(infra)]);
  };
  const startTimersAlone = () => {
    const { infra } = spec;
    const timers = processorWorkers(infra).filter(({ name }) => name === 'run-timers');
    stop = spec.run([...projectorWorkers(infra), ...timers]);
  };

  /** A hold without a request behind it, as a crash between the two leaves it. */
  const holdAlone = async (of?: Asked) => {
    const { infra } = spec;
    const { request } = requestFor(infra, {});
    const { organizationId, executionId } = of ?? request;
    const holdId: HoldId = `hold_${randomUUID()}`;
    await fund(infra, organizationId);
    const result = await infra.accounts.submit(organizationId, {
      command: {
        type: 'PlaceHold',
        organizationId,
        executionId,
        generation: of ? 1 : 0,
        holdId,
        amount: 10_000n,
        at: new Date(infra.now()).toISOString(),
      },
      metadata: { actor: 'spec', correlationId: executionId, causationId: 'spec' },
    });
    expect(result.outcome).to.equal('accepted');
    return { organizationId, executionId, holdId, stream: `execution-${executionId}` } as const;
  };

  it('abandons a hold whose request never came, and gives it back', async () => {
    const { infra } = spec;
    const held = await holdAlone();
    const other = await ask(infra, { expiresInMs: 30_000 });
    await claimFor(infra, other, 'borealis-chat', 10 * MINUTE);
    start();
    spec.clock.aheadMs = MINUTE - 10_000;
    expect(await whenOver(infra, other)).to.equal('expired');
    expect(await typesOf(infra, { ...held, holdAmount: 0n }), 'not yet').to.deep.equal([]);
    spec.clock.aheadMs = MINUTE + 1_000;
    const ended = await whenHoldEnded(infra, held);
    expect(ended.type === 'HoldReleased' && ended.data.reason).to.equal('abandoned');
    const { state } = await infra.executions.load(held.executionId);
    expect(state).to.deep.equal({ status: 'abandoned', holdIds: [held.holdId] });
    expect(await accountOf(infra, held.organizationId)).to.deep.include({
      available: FUNDS,
      held: 0n,
    });
  });

  it('gives back a second hold of an execution, and lets the first be', async () => {
    const { infra } = spec;
    const asked = await ask(infra);
    const second = await holdAlone(asked);
    startTimersAlone();
    spec.clock.aheadMs = MINUTE + 1_000;
    const ended = await whenHoldEnded(infra, second);
    expect(ended.type === 'HoldReleased' && ended.data.reason).to.equal('orphaned');
    expect(await typesOf(infra, asked)).to.deep.equal(['ExecutionRequested']);
    const { held } = await accountOf(infra, asked.organizationId);
    expect(held).to.equal(asked.holdAmount);
  });

  it('lets the hold of a running execution be', async () => {
    const { infra } = spec;
    const asked = await ask(infra);
    await claimFor(infra, asked, 'borealis-chat', 10 * MINUTE);
    const alone = await holdAlone();
    startTimersAlone();
    spec.clock.aheadMs = 2 * MINUTE;
    await whenHoldEnded(infra, alone);
    expect((await accountOf(infra, asked.organizationId)).held).to.equal(asked.holdAmount);
    expect((await typesOf(infra, asked)).at(-1)).to.equal('ProviderDispatched');
  });

  it('settles what is over and was forgotten', async () => {
    const { infra } = spec;
    const asked = await ask(infra);
    await cancel(infra, asked);
    startTimersAlone();
    spec.clock.aheadMs = MINUTE + 1_000;
    const ended = await whenHoldEnded(infra, asked);
    expect(ended.type === 'HoldReleased' && ended.data.reason).to.equal('cancelled');
  });

  it('settles once, however often and by however many it is asked to', async () => {
    const { infra } = spec;
    const asked = await ask(infra);
    start();
    await whenOver(infra, asked);
    await whenHoldEnded(infra, asked);
    await stop();
    stop = async () => undefined;
    const other = await spec.another();
    const { revision } = await eventOf(infra, asked, 'ExecutionCompleted');
    const notification = { stream: asked.stream, revision, type: 'ExecutionCompleted' as const };
    const groups = [infra, other.infra].map((one) =>
      settleExecution(one, openCompleteBatches(one)),
    );
    const signal = new AbortController().signal;
    const handled = groups.flatMap((group) =>
      [1, 2, 3].map((attempt) => group.handle({ ...notification, position: 0n, attempt }, signal)),
    );
    expect(await Promise.all(handled)).to.deep.equal(Array(6).fill('settled'));
    await whenHoldEnded(infra, asked);
    const cost = (await eventOf(infra, asked, 'ExecutionCompleted')).data.cost;
    expect(await accountOf(infra, asked.organizationId)).to.deep.include({
      available: FUNDS - cost,
      held: 0n,
    });
  });

  it('takes up at once what the only process had begun before it was killed', async () => {
    const { infra } = spec;
    const asked = await ask(infra);
    const key = await claimFor(infra, asked, 'aurora-chat', 10 * MINUTE);
    const held = await holdAlone();
    start({ ...infra, beganBefore: await infra.store.head() });
    expect(await whenOver(infra, asked)).to.equal('completed');
    const calls = await callsFor(spec.sandbox.url, asked.executionId);
    expect(calls.map(({ dispatchKey }) => dispatchKey)).to.deep.equal([key]);
    await whenHoldEnded(infra, held);
  });

  it('lets no expiry wait for receivers that take their time', async () => {
    const { infra } = spec;
    const slow = await startReceiver({ failFirst: 80, slowAfter: 80, slowMs: 20_000 });
    const organizationId = (await ask(infra)).organizationId;
    const wish = { organizationId, webhookUrl: slow.url, webhookEvents: ['execution.completed'] };
    const asked = await Promise.all(Array.from({ length: 80 }, () => ask(infra, wish)));
    start();
    for (const one of asked) await whenOver(infra, one);
    await eventually('all have failed once', () => slow.told.length === 80, 10_000);
    await stop();
    const late = await ask(infra, { expiresInMs: 3 * MINUTE });
    await claimFor(infra, late, 'borealis-chat', 10 * MINUTE);
    start();
    spec.clock.aheadMs = 3 * MINUTE + 1_000;
    await eventually('the slow receiver is being told', () => slow.told.length > 90, 10_000);
    expect(await whenOver(infra, late, 3_000)).to.equal('expired');
    await slow.close();
  });

  it('names the execution in every line it logs', () => {
    const lines = spec.logged.filter(({ msg }) => ['attempt', 'timer', 'webhook'].includes(msg));
    expect(new Set(lines.map(({ msg }) => msg)).size).to.equal(3);
    const isOf = ({ outcome }: LogLine) => !/^(already_|not_due)/.test(String(outcome));
    expect(lines.filter(isOf).filter(({ executionId }) => !executionId)).to.deep.equal([]);
  });
});
