/** Events on their way to the endpoints of an organization. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { DeliveryEvent, WebhookEventType } from '../../contracts/events/delivery.js';
import { deliveryIdOf, type OrganizationId, type WebhookEndpointId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import type { WebhookBody } from '../../contracts/webhooks/body.js';
import { readEvents } from '../../command-handling/streams.js';
import { projectorWorkers } from '../../projectors/app.js';
import { eventually } from '../../testing/eventually.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { startReceiver, type Receiver, type Told } from '../../testing/receiver.js';
import { behave } from '../../sandbox/testing/behaviour.js';
import { signatureFaults } from '../../testing/webhook-signatures.js';
import { processorWorkers } from '../app.js';
import { ask, newOrganization, whenOver, type Asked } from '../testing/kit.js';

const metadata = { actor: 'spec', correlationId: 'spec', causationId: 'spec' };

describe('deliver-webhooks to endpoints', function () {
  this.timeout(60_000);
  let spec: SpecInfra;
  let stop: () => Promise<void> = async () => undefined;
  const receivers: Receiver[] = [];
  before(async () => {
    spec = await openSpecInfra();
    await behave(spec.sandbox.url, { aurora: { latency: 5 }, borealis: { latency: 5 } });
    stop = spec.run([...projectorWorkers(spec.infra), ...processorWorkers(spec.infra)]);
  });
  after(async () => {
    await stop();
    await spec?.close();
  });
  afterEach(async () => {
    spec.clock.aheadMs = 0;
    for (const receiver of receivers.splice(0)) await receiver.close();
  });

  const receiver = async (manner: Parameters<typeof startReceiver>[0] = {}) => {
    const started = await startReceiver(manner);
    receivers.push(started);
    return started;
  };
  const now = () => new Date(spec.infra.now()).toISOString();

  const register = async (
    organizationId: OrganizationId,
    url: string,
    events: readonly WebhookEventType[] = [],
    isActive = true,
  ): Promise<WebhookEndpointId> => {
    const endpointId: WebhookEndpointId = `we_${randomUUID()}`;
    const { webhooks, webhookEndpoints } = spec.infra;
    await webhooks.setUp(organizationId);
    const about = { organizationId, endpointId, at: now() };
    const command = { type: 'Register', ...about, url, events, isActive } as const;
    await webhookEndpoints.transact(organizationId, command, metadata);
    return endpointId;
  };
  const change = (organizationId: OrganizationId, endpointId: WebhookEndpointId, changes: object) =>
    spec.infra.webhookEndpoints.transact(
      organizationId,
      { type: 'Change', organizationId, endpointId, changes, at: now() },
      metadata,
    );
  const bodyOf = ({ raw }: Told) =>
    JSON.parse(raw) as WebhookBody & { data: Record<string, unknown> };
  const isTold = ({ told }: Receiver, count: number) =>
    eventually(`${count} are told`, () => told.length >= count, 10_000);
  const eventsOf = ({ executionId }: Asked, type: string, endpointId: string) =>
    readEvents<DeliveryEvent>(
      spec.infra.store,
      streamOf('delivery', deliveryIdOf(executionId, type, endpointId)),
    );
  const whenIs = (asked: Asked, type: string, endpointId: string, last: string) =>
    eventually(
      `${type} is ${last}`,
      async () => (await eventsOf(asked, type, endpointId)).at(-1)?.type === last,
      10_000,
    );
  const disabledBy = async (organizationId: OrganizationId) =>
    (await spec.infra.webhookEndpoints.load(organizationId)).state.endpoints[0]?.disabled?.cause;

  it('sends each event to all who want it, under one id, signed for each', async () => {
    const { infra } = spec;
    const [first, second, own] = [await receiver(), await receiver(), await receiver()];
    const organizationId = newOrganization();
    const endpointId = await register(organizationId, first.url);
    await register(organizationId, second.url, ['execution.completed']);
    const asked = await ask(infra, { organizationId, webhookUrl: own.url });
    await Promise.all([isTold(first, 2), isTold(second, 1), isTold(own, 2)]);
    const completed = [first, second, own].map(({ told }) =>
      told.find((one) => bodyOf(one).type === 'execution.completed'),
    );
    expect(new Set(completed.map((one) => one?.raw)).size, 'one body').to.equal(1);
    const [told] = completed;
    if (!told) throw new Error('it was not told');
    expect(signatureFaults(told, infra.secrets.endpointSecret(endpointId, 1))).to.deep.equal([]);
    await whenIs(asked, 'execution.completed', endpointId, 'DeliverySucceeded');
    const [scheduled, end] = await eventsOf(asked, 'execution.completed', endpointId);
    expect([scheduled?.type, end?.type]).to.eql(['DeliveryScheduled', 'DeliverySucceeded']);
  });

  it('sends a file that is ready, and a test, only to whom they are due', async () => {
    const { infra } = spec;
    const [wanting, other] = [await receiver(), await receiver()];
    const organizationId = newOrganization();
    const endpointId = await register(organizationId, wanting.url, ['file.ready']);
    await register(organizationId, other.url);
    const input = { prompt: 'Boats', width: 256, height: 256 };
    const asked = await ask(infra, { organizationId, model: 'flux-1.1-pro', input });
    await whenOver(infra, asked);
    await isTold(wanting, 1);
    const body = bodyOf(wanting.told[0]!);
    expect(body).to.include({ type: 'file.ready', organization_id: organizationId });
    expect(body).to.not.have.any.keys('execution_id', 'sequence');
    expect(body.data).to.include({ execution_id: asked.executionId, purpose: 'OUTPUT' });
    const eventId = `evt_${randomUUID()}` as const;
    const deliveryId = deliveryIdOf(eventId, 'webhook.test', endpointId);
    const test = { organizationId, endpointId, eventId, deliveryId, at: now() };
    const [written] = await infra.store.append({
      appends: [
        {
          stream: streamOf('webhookTest', eventId),
          expectedRevision: -1,
          events: [
            {
              id: randomUUID(),
              type: 'WebhookTestRequested',
              data: test,
              metadata: {
                $correlationId: 'spec',
                $causationId: 'spec',
                actor: 'spec',
                schemaVersion: 1,
                time: now(),
              },
            },
          ],
        },
      ],
    });
    expect(written?.status).to.equal('appended');
    await isTold(wanting, 2);
    expect(bodyOf(wanting.told[1]!)).to.include({ id: eventId, type: 'webhook.test' });
    await isTold(other, 2);
    expect(other.told.map((one) => bodyOf(one).type)).to.not.include('file.ready');
  });

  it('tries again where the endpoint is by then', async () => {
    const { infra } = spec;
    const [broken, moved] = [await receiver({ status: 503 }), await receiver()];
    const organizationId = newOrganization();
    const events = ['execution.completed'] as const;
    const endpointId = await register(organizationId, broken.url, events);
    const asked = await ask(infra, { organizationId });
    await whenIs(asked, 'execution.completed', endpointId, 'DeliveryAttemptFailed');
    await change(organizationId, endpointId, { url: moved.url });
    spec.clock.aheadMs = 150_000;
    await whenIs(asked, 'execution.completed', endpointId, 'DeliverySucceeded');
    expect(moved.told[0]?.raw).to.equal(broken.told[0]?.raw);
  });

  it('disables what answers 410, and records what it misses, which a recovery sends', async () => {
    const { infra } = spec;
    const gone = await receiver({ status: 410 });
    const organizationId = newOrganization();
    const events = ['execution.completed'] as const;
    const endpointId = await register(organizationId, gone.url, events);
    const first = await ask(infra, { organizationId });
    await whenIs(first, 'execution.completed', endpointId, 'DeliveryExhausted');
    await eventually('it is disabled', async () => (await disabledBy(organizationId)) === 'gone');
    const missed = await ask(infra, { organizationId });
    await whenIs(missed, 'execution.completed', endpointId, 'DeliveryStopped');
    expect(gone.told).to.have.length(1);
    const back = await receiver();
    await change(organizationId, endpointId, { url: back.url, isActive: true });
    const since = new Date(infra.now() - 60_000).toISOString();
    const data = { organizationId, endpointId, recoveryId: 'one', since, at: now() };
    await infra.webhookRecoveries.transact(endpointId, { type: 'Request', data }, metadata);
    for (const one of [first, missed])
      await whenIs(one, 'execution.completed', endpointId, 'DeliverySucceeded');
    expect(new Set(back.told.map((one) => bodyOf(one).execution_id))).to.deep.equal(
      new Set([first.executionId, missed.executionId]),
    );
    expect(back.told).to.have.length(2);
  });

  it('disables what failed for a day, and not what failed much for a moment', async () => {
    const { infra } = spec;
    const broken = await receiver({ status: 500 });
    const organizationId = newOrganization();
    const endpointId = await register(organizationId, broken.url, ['execution.started']);
    const fail = async (count: number) => {
      const asked = await Promise.all(
        Array.from({ length: count }, () => ask(infra, { organizationId })),
      );
      for (const one of asked)
        await whenIs(one, 'execution.started', endpointId, 'DeliveryAttemptFailed');
    };
    await fail(12);
    await eventually('ten failures are seen', async () => {
      const { rows } = await infra.readStore.query(
        'SELECT FROM readmodel.endpoint_health WHERE endpoint_id = $1 AND failure_count >= 10',
        [endpointId],
      );
      return rows.length > 0;
    });
    expect(await disabledBy(organizationId)).to.equal(undefined);
    spec.clock.aheadMs = 25 * 3_600_000;
    await fail(12);
    const isDisabled = async () => (await disabledBy(organizationId)) !== undefined;
    await eventually('it is disabled', isDisabled, 15_000);
    expect(await disabledBy(organizationId)).to.be.oneOf(['failing', 'exhausted']);
    expect(spec.logged.some(({ msg }) => /endpoint was disabled/.test(msg))).to.equal(true);
  });
});
