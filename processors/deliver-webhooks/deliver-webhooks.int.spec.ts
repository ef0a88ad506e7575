import { expect } from 'chai';
import type { DeliveryEvent } from '../../contracts/events/delivery.js';
import { deliveryIdOf, publicEventIdOf } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import type { WebhookBody } from '../../contracts/webhooks/body.js';
import { openRepositories } from '../../command-handling/repositories.js';
import { watch } from '../../command-handling/testing/kit.js';
import { readEvents } from '../../command-handling/streams.js';
import { openMemoryCheckpoints } from '../../infra/checkpoints/testing/memory.js';
import { openInProcessBus } from '../../infra/event-bus/in-process.js';
import { openFeedNumbers } from '../../infra/read-store/feed-numbers.js';
import { openProgress } from '../../infra/read-store/progress.js';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import type { Infra } from '../../runtime/infra.js';
import { projectorWorkers } from '../../projectors/app.js';
import { eventually } from '../../testing/eventually.js';
import { freePort } from '../../testing/free-port.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { startReceiver, type Receiver, type Told } from '../../testing/receiver.js';
import { behave } from '../../sandbox/testing/behaviour.js';
import { signatureFaults } from '../../testing/webhook-signatures.js';
import { processorWorkers } from '../app.js';
import {
  ask,
  cancel,
  newOrganization,
  whenOver,
  whenTypes,
  words,
  type Asked,
} from '../testing/kit.js';

const MINUTE = 60_000;

describe('deliver-webhooks', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let stop: () => Promise<void> = async () => undefined;
  const receivers: Receiver[] = [];

  before(async () => {
    spec = await openSpecInfra();
    await behave(spec.sandbox.url, { aurora: { latency: 5 }, borealis: { latency: 5 } });
  });
  after(() => spec.close());
  beforeEach(() => start());
  afterEach(async () => {
    await stop();
    spec.clock.aheadMs = 0;
    for (const receiver of receivers.splice(0)) await receiver.close();
  });

  const start = (infra: Infra = spec.infra) => {
    stop = spec.run([...projectorWorkers(infra), ...processorWorkers(infra)]);
  };
  const receiver = async (manner: Parameters<typeof startReceiver>[0] = {}) => {
    const started = await startReceiver(manner);
    receivers.push(started);
    return started;
  };
  const bodyOf = ({ raw }: Told) =>
    JSON.parse(raw) as WebhookBody & { data: Record<string, unknown> };
  const typesTold = ({ told }: Receiver) => told.map((one) => bodyOf(one).type).sort();
  const isTold = ({ told }: Receiver, count: number) =>
    eventually(`${count} are told`, () => told.length >= count, 10_000);
  const deliveryOf = ({ executionId }: Asked, type: string, { url }: Pick<Receiver, 'url'>) =>
    streamOf('delivery', deliveryIdOf(executionId, type, url));
  const eventsOf = (asked: Asked, type: string, to: Pick<Receiver, 'url'>) =>
    readEvents<DeliveryEvent>(spec.infra.store, deliveryOf(asked, type, to));
  const whenIs = (asked: Asked, type: string, to: Pick<Receiver, 'url'>, last: string) =>
    eventually(
      `${type} is ${last}`,
      async () => {
        const event = (await eventsOf(asked, type, to)).at(-1);
        return event?.type === last ? event : undefined;
      },
      10_000,
    );

  /** By the types of the stored events. */
  const feedNumbers = async ({ executionId }: Asked) => {
    const events = await spec.infra.store.readStream(streamOf('execution', executionId));
    const { rows } = await spec.infra.readStore.query<{ position: bigint; sequence: bigint }>(
      'SELECT position, sequence FROM readmodel.feed_events WHERE subject = $1',
      [executionId],
    );
    const numbers = new Map(rows.map(({ position, sequence }) => [position, Number(sequence)]));
    return new Map(events.map(({ type, position }) => [type as string, numbers.get(position)]));
  };

  it('tells of the start and the end, with both signatures', async () => {
    const { infra } = spec;
    const to = await receiver();
    const asked = await ask(infra, { webhookUrl: to.url });
    await isTold(to, 2);
    expect(typesTold(to)).to.deep.equal(['execution.completed', 'execution.started']);
    const secret = infra.secrets.webhookSecret(asked.organizationId);
    for (const told of to.told) expect(signatureFaults(told, secret)).to.deep.equal([]);
    const told = to.told.map(bodyOf).find(({ type }) => type === 'execution.completed');
    const numbers = await feedNumbers(asked);
    expect(told).to.deep.include({
      id: publicEventIdOf(asked.executionId, 3),
      event_type: 'execution.completed',
      version: '1.0',
      organization_id: asked.organizationId,
      sequence: 3,
      feed_sequence: numbers.get('ExecutionCompleted'),
      execution_id: asked.executionId,
    });
    expect(told?.data).to.deep.include({
      id: asked.executionId,
      status: 'COMPLETED',
      metadata: { spec: 'yes' },
    });
    expect(to.told.map(({ raw }) => raw).join()).to.not.match(/aurora|borealis/);
    await whenIs(asked, 'execution.completed', to, 'DeliverySucceeded');
  });

  it('tells of failures and cancellations, and of an expiry only who asked for it', async () => {
    const { infra } = spec;
    const to = await receiver();
    const asking = await receiver();
    const failed = await ask(infra, { webhookUrl: to.url, input: words('[[moderation]] this') });
    await whenOver(infra, failed);
    await isTold(to, 2);
    expect(typesTold(to)).to.deep.equal(['execution.failed', 'execution.started']);
    await behave(spec.sandbox.url, { aurora: { latency: 1_200 } });
    const cancelled = await ask(infra, { webhookUrl: to.url });
    await whenTypes(infra, cancelled, 'ProviderDispatched');
    await cancel(infra, cancelled);
    await isTold(to, 4);
    expect(typesTold(to).slice(0, 2)).to.deep.equal(['execution.cancelled', 'execution.failed']);
    const wish = { expiresInMs: 300 };
    const silent = await ask(infra, { ...wish, webhookUrl: to.url });
    const expired = await ask(infra, {
      ...wish,
      webhookUrl: asking.url,
      webhookEvents: ['execution.expired'],
    });
    for (const one of [silent, expired]) expect(await whenOver(infra, one)).to.equal('expired');
    await isTold(asking, 1);
    expect(typesTold(asking)).to.deep.equal(['execution.expired']);
    expect(typesTold(to).includes('execution.expired')).to.equal(false);
    await behave(spec.sandbox.url, { aurora: { latency: 5 } });
  });

  it('tries a failing receiver again in time, with the same bytes under the same id', async () => {
    const { infra } = spec;
    const to = await receiver({ failFirst: 1 });
    const webhookEvents = ['execution.completed'];
    const asked = await ask(infra, { webhookUrl: to.url, webhookEvents });
    const failed = await whenIs(asked, 'execution.completed', to, 'DeliveryAttemptFailed');
    if (failed.type !== 'DeliveryAttemptFailed') throw new Error(failed.type);
    const { attempt, status, at, nextAttemptAt } = failed.data;
    expect({ attempt, status }).to.deep.equal({ attempt: 1, status: 500 });
    const waitMs = Date.parse(nextAttemptAt) - Date.parse(at);
    expect(waitMs).to.be.within(2 * MINUTE, 2.4 * MINUTE);
    expect(to.told).to.have.length(1);
    spec.clock.aheadMs = waitMs + 1_000;
    await whenIs(asked, 'execution.completed', to, 'DeliverySucceeded');
    const [first, second] = to.told;
    if (!first || !second) throw new Error('told only once');
    expect(second.raw).to.equal(first.raw);
    expect(second.headers['webhook-id']).to.equal(first.headers['webhook-id']);
    const timestamps = to.told.map(({ headers }) => Number(headers['webhook-timestamp']));
    expect((timestamps[1] ?? 0) - (timestamps[0] ?? 0)).to.be.at.least(120);
    const secret = infra.secrets.webhookSecret(asked.organizationId);
    expect(signatureFaults(second, secret)).to.deep.equal([]);
  });

  for (const [asks, minutes] of Object.entries({ 600: 10, 86_400: 60, [`${10 ** 15}`]: 60 }))
    it(`waits ${minutes} minutes when the receiver asks for ${asks} s`, async () => {
      const to = await receiver({ status: 503, headers: { 'retry-after': asks } });
      const webhookEvents = ['execution.completed'];
      const asked = await ask(spec.infra, { webhookUrl: to.url, webhookEvents });
      const failed = await whenIs(asked, 'execution.completed', to, 'DeliveryAttemptFailed');
      if (failed.type !== 'DeliveryAttemptFailed') throw new Error(failed.type);
      const waitMs = Date.parse(failed.data.nextAttemptAt) - Date.parse(failed.data.at);
      expect(waitMs).to.equal(minutes * MINUTE);
    });

  it('goes out without its number where the feed is far behind, and stays so', async () => {
    const { infra } = spec;
    await stop();
    stop = spec.run(processorWorkers(infra));
    const seen: string[][] = [];
    const beforeAnswer = async () => {
      const events = await eventsOf(asked, 'execution.completed', to);
      seen.push(events.map(({ type }) => type));
    };
    const to = await receiver({ failFirst: 1, beforeAnswer });
    const wish = { webhookUrl: to.url, webhookEvents: ['execution.completed'] };
    const startedMs = performance.now();
    const asked: Asked = await ask(infra, wish);
    const numberOf = openFeedNumbers({ ...infra, progress: openProgress(infra.readStore) });
    const notYet = numberOf((await infra.store.head()) + 1_000n);
    await isTold(to, 1);
    await eventually('it was looked at', () => seen.length === 1);
    // A process that dies now leaves no choice to the next.
    expect(seen).to.deep.equal([['DeliveryScheduled']]);
    expect(performance.now() - startedMs).to.be.within(3_000, 9_000);
    const [first] = to.told;
    if (!first) throw new Error('it was told nothing');
    expect(bodyOf(first)).to.not.have.property('feed_sequence');
    const [scheduled] = await eventsOf(asked, 'execution.completed', to);
    expect(scheduled?.data).to.not.have.property('feedSequence');
    await stop();
    start();
    const number = await eventually('the feed has it', async () =>
      (await feedNumbers(asked)).get('ExecutionCompleted'),
    );
    // Also for who has just waited in vain, and waits no more.
    expect(await notYet).to.equal(undefined);
    const completed = (await infra.store.readStream(streamOf('execution', asked.executionId))).find(
      ({ type }) => type === 'ExecutionCompleted',
    );
    expect(await numberOf(completed?.position ?? 0n)).to.equal(number);
    spec.clock.aheadMs = 3 * MINUTE;
    await isTold(to, 2);
    expect(to.told[1]?.raw).to.equal(first.raw);
  });

  it('gives up at once when the receiver is gone, or is none that we call', async () => {
    const gone = await receiver({ status: 410 });
    const private_ = { url: 'http://10.1.2.3/hook' };
    for (const [to, cause] of [[gone, 'gone'] as const, [private_, 'refused'] as const]) {
      const asked = await ask(spec.infra, { webhookUrl: to.url });
      const over = await whenIs(asked, 'execution.completed', to, 'DeliveryExhausted');
      expect(over.type === 'DeliveryExhausted' && over.data.cause).to.equal(cause);
    }
  });

  it('records a receiver that is not there as failed', async () => {
    const to = { url: `http://127.0.0.1:${await freePort()}/hook` };
    const asked = await ask(spec.infra, { webhookUrl: to.url });
    const failed = await whenIs(asked, 'execution.completed', to, 'DeliveryAttemptFailed');
    if (failed.type !== 'DeliveryAttemptFailed') throw new Error(failed.type);
    expect(failed.data).to.include({ attempt: 1, reason: 'connect' });
    expect(failed.data).to.not.have.property('status');
  });

  it('lets nobody wait for a slow path, of its host or of another', async () => {
    const { infra } = spec;
    const isSlow = (path: string) => path.startsWith('/slow');
    const to = await receiver({ slowMs: 20_000, isSlow });
    const slow = { organizationId: newOrganization(), webhookUrl: new URL('/slow', to.url).href };
    const asked = await Promise.all(Array.from({ length: 80 }, () => ask(infra, slow)));
    for (const one of asked) await whenOver(infra, one);
    const told = (path: string) => to.told.filter((one) => one.path === path).length;
    const whenTold = (path: string, count: number) =>
      eventually(`${path} is told`, () => told(path) >= count, 10_000);
    await whenTold('/slow', 16);
    const other = { ...slow, webhookUrl: new URL('/other', to.url).href };
    const others = { organizationId: newOrganization(), webhookUrl: other.webhookUrl };
    const elsewhere = await receiver();
    const began = performance.now();
    await Promise.all([ask(infra, other), ask(infra, others)]);
    await ask(infra, { organizationId: slow.organizationId, webhookUrl: elsewhere.url });
    await whenTold('/other', 4);
    await isTold(elsewhere, 2);
    expect(performance.now() - began).to.be.below(12_000);
    expect(told('/slow'), 'the rest waits').to.equal(16);
    await to.close();
  });

  /** Completed, the delivery scheduled, and the process dead that was at its first attempt. */
  const scheduledByTheDead = async (to: Receiver): Promise<Asked> => {
    const { infra } = spec;
    await stop();
    stop = async () => undefined;
    const forEver = new Promise<never>(() => undefined);
    const dying: Infra = { ...infra, outbound: { ...infra.outbound, request: () => forEver } };
    const die = spec.run([...projectorWorkers(dying), ...processorWorkers(dying)]);
    const asked = await ask(infra, { webhookUrl: to.url, webhookEvents: ['execution.completed'] });
    await whenIs(asked, 'execution.completed', to, 'DeliveryScheduled');
    void die();
    return asked;
  };

  /** Nothing but what brings back deliveries that are due. */
  const startDue = (infra: Infra) => {
    const due = processorWorkers(infra).filter(({ name }) => name === 'deliver-due-webhooks');
    stop = spec.run([...projectorWorkers(infra), ...due]);
  };

  it('makes a first attempt that a killed process did not live to make', async () => {
    const to = await receiver();
    const asked = await scheduledByTheDead(to);
    const { infra } = await spec.another();
    // All notifications are delivered again, as those above the checkpoint are after a crash.
    const checkpoints = openMemoryCheckpoints();
    const bus = openInProcessBus({ store: infra.store, checkpoints, log: infra.log });
    start({ ...infra, bus });
    await whenIs(asked, 'execution.completed', to, 'DeliverySucceeded');
    expect(to.told).to.have.length(1);
  });

  it('makes it by its timer when no notification is delivered again', async () => {
    const to = await receiver();
    const asked = await scheduledByTheDead(to);
    const { infra } = await spec.another();
    startDue(infra);
    spec.clock.aheadMs = 46_000;
    await whenIs(asked, 'execution.completed', to, 'DeliverySucceeded');
    expect(to.told).to.have.length(1);
  });

  it('makes it at once where no other process can be at it', async () => {
    const to = await receiver();
    const asked = await scheduledByTheDead(to);
    const { infra } = await spec.another();
    startDue({ ...infra, beganBefore: await infra.store.head() });
    await whenIs(asked, 'execution.completed', to, 'DeliverySucceeded');
    expect(to.told).to.have.length(1);
  });

  it('records a defect of ours as a failed attempt, and logs it', async () => {
    const { infra } = spec;
    await stop();
    const to = await receiver();
    const request = () => Promise.reject(new TypeError('a bug'));
    start({ ...infra, outbound: { ...infra.outbound, request } });
    const asked = await ask(infra, { webhookUrl: to.url, webhookEvents: ['execution.completed'] });
    const failed = await whenIs(asked, 'execution.completed', to, 'DeliveryAttemptFailed');
    expect(failed.data).to.include({ attempt: 1, reason: 'internal error' });
    const line = spec.logged.find(({ level, msg }) => level === 50 && /defect of ours/.test(msg));
    expect(line).to.include({ executionId: asked.executionId });
  });

  it('gives up what is too old for an endpoint that hangs', async () => {
    const { infra } = spec;
    await stop();
    const to = await receiver();
    const hanging = { kind: 'failed', reason: 'timeout', mayHaveStarted: true } as const;
    let posts = 0;
    const request = async ({ url }: { readonly url: string }) => {
      if (url === to.url) posts += 1;
      return hanging;
    };
    start({ ...infra, outbound: { ...infra.outbound, request } });
    const wish = { organizationId: newOrganization(), webhookUrl: to.url };
    for (let n = 0; n < 2; n += 1) await whenOver(infra, await ask(infra, wish));
    await eventually('the endpoint is known to hang', () => posts === 4);
    const late = await ask(infra, { ...wish, expiresInMs: 3_600_000 });
    await whenIs(late, 'execution.completed', to, 'DeliveryAttemptFailed');
    const before = posts;
    spec.clock.aheadMs = 25 * 60 * MINUTE;
    const over = await whenIs(late, 'execution.completed', to, 'DeliveryExhausted');
    expect(over.data).to.include({ attempt: 2, cause: 'age', reason: 'its endpoint hangs' });
    expect(posts).to.equal(before);
  });

  it('records an attempt once when the store was away for a while', async () => {
    const { infra } = spec;
    await stop();
    const store = watch(infra.store);
    const to = await receiver();
    let tries = 0;
    store.before = async ({ appends }) => {
      const records = appends.some(({ events }) =>
        events.some(({ type }) => type === 'DeliverySucceeded'),
      );
      if (records && ++tries < 5) throw new StoreUnavailable('away');
    };
    start({ ...infra, store, ...openRepositories(store) });
    const asked = await ask(infra, { webhookUrl: to.url, webhookEvents: ['execution.completed'] });
    await whenIs(asked, 'execution.completed', to, 'DeliverySucceeded');
    expect(tries).to.equal(5);
    expect(to.told).to.have.length(1);
  });
});
