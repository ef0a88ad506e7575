/** Reading webhook endpoints: as they were set up, and how their deliveries go. */
import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import type { OrganizationId, WebhookEndpointId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { sealedHeaders } from '../../command-handling/endpoint-headers.js';
import { openRepositories } from '../../command-handling/repositories.js';
import { openWebhookDirectory } from '../../command-handling/webhook-directory.js';
import { at } from '../../projectors/testing/kit.js';
import { type Client, type Json } from '../../testing/client.js';
import { eventually } from '../../testing/eventually.js';
import { openQueryServer, type QueryServer } from '../testing/kit.js';

const newOrganization = (): OrganizationId => `org_${randomUUID()}`;
const newEndpoint = (): WebhookEndpointId => `we_${randomUUID()}`;

interface List {
  readonly data: Json[];
  readonly next_cursor: string | null;
}

describe('query API: webhook endpoints', function () {
  this.timeout(60_000);
  let server: QueryServer;
  let organizationId: OrganizationId;
  let api: Client;
  before(async () => {
    server = await openQueryServer();
    server.startProjecting();
  });
  after(() => server?.close());
  beforeEach(async () => {
    organizationId = newOrganization();
    api = await server.tenant(organizationId, 'AUDITOR');
  });

  const setUp = () => {
    const { store } = server.models;
    return openWebhookDirectory({ store, ...openRepositories(store) }).setUp(organizationId);
  };
  const register = async (second: number, more: object = {}) => {
    const endpointId = newEndpoint();
    await server.models.append({
      stream: streamOf('webhookEndpoint', organizationId),
      type: 'WebhookEndpointRegistered',
      data: {
        organizationId,
        endpointId,
        url: 'https://receiver.example/hook',
        events: [],
        isActive: true,
        at: at(second),
        ...more,
      },
    });
    return endpointId;
  };
  const one = async (id: string, by = api) =>
    (await by.call<Json>('GET', `/webhooks/endpoints/${id}`)).body;
  const list = async (query = '') =>
    (await api.call<List>('GET', `/webhooks/endpoints${query}`)).body;

  it('is empty for an organization without any', async () => {
    expect(await list()).to.deep.equal({ data: [], next_cursor: null });
  });

  it('shows one without its secret, and to no other tenant', async () => {
    await setUp();
    const endpointId = newEndpoint();
    const given = { Authorization: 'Bearer canary', 'X-Stage': 'one' };
    const headers = sealedHeaders(server.secrets, endpointId, given);
    await register(0, { endpointId, description: 'mine', headers });
    expect(await one(endpointId)).to.deep.equal({
      id: endpointId,
      url: 'https://receiver.example/hook',
      description: 'mine',
      events: [],
      headers: { Authorization: '***', 'X-Stage': 'one' },
      is_active: true,
      disabled_reason: null,
      disabled_at: null,
      previous_secret_valid_until: null,
      created_at: at(0),
      updated_at: at(0),
      failure_count: 0,
      last_success: null,
    });
    const stranger = await server.tenant(newOrganization());
    for (const id of [endpointId, newEndpoint(), 'we_1']) {
      const { status } = await stranger.call('GET', `/webhooks/endpoints/${id}`);
      expect(status, id).to.equal(404);
    }
  });

  it('lists the newest first, in pages, also when one of them is gone', async () => {
    await setUp();
    const ids: WebhookEndpointId[] = [];
    for (let n = 0; n < 5; n++) ids.unshift(await register(n));
    expect((await list()).data.map(({ id }) => id)).to.deep.equal(ids);
    const first = await list('?limit=2');
    expect(first.data.map(({ id }) => id)).to.deep.equal(ids.slice(0, 2));
    await server.models.append({
      stream: streamOf('webhookEndpoint', organizationId),
      type: 'WebhookEndpointDeleted',
      data: { organizationId, endpointId: ids[1]!, at: at(9) },
    });
    const second = await list(`?limit=2&cursor=${first.next_cursor}`);
    expect(second.data.map(({ id }) => id)).to.deep.equal(ids.slice(2, 4));
    const third = await list(`?limit=2&cursor=${second.next_cursor}`);
    expect(third.data.map(({ id }) => id)).to.deep.equal(ids.slice(4));
    expect(third.next_cursor).to.equal(null);
  });

  it('says why one is inactive, and how its deliveries went', async () => {
    await setUp();
    const endpointId = await register(0);
    const deliveryId = `dlv_${randomUUID()}` as const;
    const of = { deliveryId, organizationId, endpointId };
    const scheduled = {
      ...of,
      eventId: `evt_${randomUUID()}`,
      eventType: 'webhook.test',
      source: 'webhookTest-evt_1',
      revision: 0,
      url: 'https://receiver.example/hook',
      at: at(1),
    } as const;
    const stream = streamOf('delivery', deliveryId);
    await server.models.append({ stream, type: 'DeliveryScheduled', data: scheduled });
    await server.models.append({
      stream,
      type: 'DeliverySucceeded',
      data: { ...of, attempt: 1, latencyMs: 5, status: 204, at: at(2) },
    });
    await server.models.append({
      stream: streamOf('webhookEndpoint', organizationId),
      type: 'WebhookEndpointDisabled',
      data: { organizationId, endpointId, cause: 'gone', at: at(3) },
    });
    const inactive = { is_active: false, disabled_reason: 'gone', disabled_at: at(3) };
    expect(await one(endpointId)).to.include(inactive);
    await eventually('the success is seen', async () => {
      const { last_success: last } = await one(endpointId);
      return last === at(2);
    });
  });
});
