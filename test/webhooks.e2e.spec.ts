/** What a receiver of webhooks meets. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Webhook } from 'standardwebhooks';
import { exitOf, startChild } from '../testing/child-process.js';
import { newTenant, refuseProviderNames, send, type Tenant } from '../testing/client.js';
import { eventually } from '../testing/eventually.js';
import { temporaryFolder } from '../testing/folders.js';
import { freePort } from '../testing/free-port.js';
import { accept, textOf, whenOver } from './testing/executions.js';
import { scheduledDeliveries } from './testing/database.js';
import { startReceiver, type Receiver, type Told } from '../testing/receiver.js';
import { behave, behaveWell } from '../sandbox/testing/behaviour.js';
import type { FedEvent } from '../testing/feed-view.js';
import { sharedSystem } from '../testing/system-in-suite.js';
import { signatureFaults } from '../testing/webhook-signatures.js';

interface WebhookBody {
  readonly id: string;
  readonly type: string;
  readonly event_type: string;
  readonly version: string;
  readonly timestamp: string;
  readonly organization_id: string;
  readonly execution_id: string;
  readonly sequence: number;
  readonly feed_sequence: number;
  readonly data: { readonly id: string; readonly status: string };
}

const bodyOf = ({ raw }: Told): WebhookBody => JSON.parse(raw) as WebhookBody;

describe('webhooks of an execution', function () {
  this.timeout(60_000);
  const system = sharedSystem();
  let tenant: Tenant;
  before(async () => {
    tenant = await newTenant(system());
  });
  afterEach(() => behaveWell(system().sandboxUrl));

  const told = (receiver: Receiver, executionId: string, count: number) =>
    eventually(
      `${count} webhooks about ${executionId}`,
      () => {
        const about = receiver.told.filter((one) => bodyOf(one).execution_id === executionId);
        return about.length >= count ? about : undefined;
      },
      10_000,
    );

  it('are received by the client of llms.txt, which tells refusals apart', async () => {
    const { text } = await send(`${system().baseUrl}/llms.txt`, 'GET');
    const program = /^```js\n(.*?)^```$/ms.exec(text)?.[1] ?? '';
    const folder = await temporaryFolder();
    try {
      await writeFile(join(folder.dir, 'client.mjs'), program);
      const port = String(await freePort());
      const env = {
        MODELROUTE_URL: system().baseUrl,
        API_KEY: tenant.api.apiKey,
        PORT: port,
        WEBHOOK_URL: `http://127.0.0.1:${port}/`,
        WEBHOOK_SECRET: tenant.webhookSecret,
      };
      const child = startChild({
        command: process.execPath,
        args: ['client.mjs'],
        env,
        cwd: folder.dir,
      });
      const { code } = await exitOf(child, 20_000);
      expect(code, child.lines.join('\n')).to.equal(0);
      const [prompt, model, ...output] = child.lines;
      expect(prompt).to.match(/^correct these fields: .*"field":"input/);
      expect(model).to.match(/^correct these fields: .*"field":"model"/);
      expect(output.join('').length).to.be.above(10);
    } finally {
      await folder.remove();
    }
  });

  it('tell its start and its end, signed in both ways', async () => {
    const receiver = await startReceiver();
    const { api, organizationId, webhookSecret } = tenant;
    const { id } = await accept(api, textOf('Tell me', { webhook_url: receiver.url }));
    const over = await whenOver(api, id);
    const all = await told(receiver, id, 2);
    for (const one of all) {
      expect(signatureFaults(one, webhookSecret)).to.deep.equal([]);
      expect(one.headers['content-type']).to.equal('application/json');
      refuseProviderNames('a webhook', `${JSON.stringify(one.headers)}${one.raw}`);
    }
    const bodies = all.map(bodyOf).toSorted((a, b) => a.sequence - b.sequence);
    const timeline = await api.timeline(id);
    const types = 'execution.started,execution.completed';
    const feed = await api.call<{ data: readonly FedEvent[] }>('GET', `/events?types=${types}`);
    const numbers = feed.body.data
      .filter(({ subject }) => subject === id)
      .map((one) => +one.sequence);
    expect(bodies.map(({ data: _, id: eventId, ...rest }) => rest)).to.deep.equal(
      timeline.slice(1).map(({ sequence, type, at }, index) => ({
        type,
        event_type: type,
        version: '1.0',
        timestamp: at,
        organization_id: organizationId,
        execution_id: id,
        sequence,
        feed_sequence: numbers[index],
      })),
    );
    expect(bodies.map(({ sequence }) => sequence)).to.deep.equal([2, 3]);
    expect(bodies[1]?.data).to.deep.equal(over);
    expect(bodies[0]?.data).to.include({ id, status: 'PROCESSING' });
    for (const one of all) {
      expect(bodyOf(one).id).to.match(/^evt_[0-9a-f-]{36}$/);
      expect(one.headers['webhook-id']).to.equal(bodyOf(one).id);
    }
    expect(new Set(bodies.map(({ id: eventId }) => eventId)).size).to.equal(2);
  });

  it('tell a failure and a cancellation, and an expiry only to those who ask', async () => {
    const receiver = await startReceiver();
    const { api } = tenant;
    const webhook_url = receiver.url;
    const failed = await accept(api, textOf('[[moderation]]', { webhook_url }));
    expect((await told(receiver, failed.id, 2)).map((one) => bodyOf(one).type)).to.include(
      'execution.failed',
    );
    await behave(system().sandboxUrl, { aurora: { latency: 9_000 }, borealis: { latency: 9_000 } });
    const cancelled = await accept(api, textOf('Stop', { webhook_url }));
    await api.cancel(cancelled.id);
    const expired = await accept(api, textOf('Late', { webhook_url, expires_in: 1 }));
    await whenOver(api, expired.id);
    await eventually('the cancellation is told', () =>
      receiver.told.some((one) => bodyOf(one).type === 'execution.cancelled'),
    );
    const types = receiver.told.map((one) => bodyOf(one).type);
    expect(types).not.to.include('execution.expired');
  });

  it('are told again after a failure, minutes later, under the same id', async () => {
    const receiver = await startReceiver({ failFirst: 1_000 });
    const { api } = tenant;
    const { id } = await accept(api, textOf('Not now', { webhook_url: receiver.url }));
    await told(receiver, id, 2);
    const askedAt = Date.now();
    const waiting = await eventually('two retries are scheduled', async () => {
      const all = await scheduledDeliveries(system(), id);
      return all.length === 2 && all.every(({ attempts }) => attempts === 1) ? all : undefined;
    });
    for (const { nextAttemptAtMs } of waiting)
      expect((nextAttemptAtMs - askedAt) / 1000).to.be.within(60, 180);
    expect(receiver.told).to.have.length(2);
  });

  it('obey Retry-After, and end at 410', async () => {
    const { api } = tenant;
    const busy = await startReceiver({ status: 503, headers: { 'retry-after': '1200' } });
    const later = await accept(api, textOf('Later', { webhook_url: busy.url }));
    const askedAt = Date.now();
    const waiting = await eventually('two retries are scheduled', async () => {
      const all = await scheduledDeliveries(system(), later.id);
      return all.length === 2 && all.every(({ attempts }) => attempts === 1) ? all : undefined;
    });
    for (const { nextAttemptAtMs } of waiting)
      expect((nextAttemptAtMs - askedAt) / 1000).to.be.within(1_190, 1_800);
    const gone = await startReceiver({ status: 410 });
    const never = await accept(api, textOf('Never', { webhook_url: gone.url }));
    await told(gone, never.id, 2);
    await eventually('nothing is owed to it any more', async () => {
      return (await scheduledDeliveries(system(), never.id)).length === 0;
    });
  });

  it('to a slow receiver delay nobody else’s', async () => {
    const slow = await startReceiver({ slowMs: 8_000 });
    const quick = await startReceiver();
    const { api } = tenant;
    for (let n = 0; n < 20; n += 1)
      await accept(api, textOf(`Slow ${n}`, { webhook_url: slow.url }));
    const { id } = await accept(api, textOf('Quick', { webhook_url: quick.url }));
    const over = await whenOver(api, id);
    const [last] = (await told(quick, id, 2)).slice(-1);
    expect((last?.atMs ?? 0) - Date.parse(over.completed_at ?? '')).to.be.below(3_000);
  });

  it('go to endpoints, and are listed, sent again and recovered', async () => {
    const { api } = await newTenant(system());
    const receiver = await startReceiver({ failFirst: 1, body: Buffer.from('not\0 now') });
    interface Page {
      readonly data: readonly Record<string, unknown>[];
    }
    const post = (path: string, body: object = {}) =>
      api.call<Record<string, unknown>>('POST', path, { body });
    const created = await post('/webhooks/endpoints', {
      url: receiver.url,
      events: ['execution.completed'],
    });
    expect(created.status).to.equal(201);
    const endpointId = String(created.body['id']);
    const { id } = await accept(api, textOf('To an endpoint'));
    await told(receiver, id, 1);
    const deliveries = async (query: string) =>
      (await api.call<Page>('GET', `/webhooks/deliveries?endpoint_id=${endpointId}${query}`)).body
        .data;
    const [waiting] = await eventually('it is listed', async () => {
      const found = await deliveries(`&status=WAITING&execution_id=${id}`);
      return found.length === 1 ? found : undefined;
    });
    const deliveryId = String(waiting?.['id']);
    expect(waiting).to.deep.include({
      event_type: 'execution.completed',
      sequence: 3,
      last_status: 500,
      attempts: 1,
    });
    const attempts = await api.call<Page>('GET', `/webhooks/deliveries/${deliveryId}/attempts`);
    expect(attempts.body.data[0]).to.deep.include({
      attempt: 1,
      succeeded: false,
      status: 500,
      answer: 'not now',
    });
    const again = await post(`/webhooks/deliveries/${deliveryId}/redeliver`);
    expect([again.status, again.body['event_id']]).to.deep.equal([202, waiting?.['event_id']]);
    const both = await told(receiver, id, 2);
    expect(new Set(both.map(({ raw }) => raw)).size).to.equal(1);
    await eventually(
      'it has succeeded',
      async () => (await deliveries('&status=SUCCEEDED')).length === 1,
    );
    // Soon after one another: all three within the time that one look at what is due takes to
    // forget what it brought.
    for (let n = 3; n <= 5; n += 1) {
      await eventually(
        `attempt ${n - 1} is recorded`,
        async () => (await deliveries('&status=SUCCEEDED'))[0]?.['attempts'] === n - 1,
      );
      await post(`/webhooks/deliveries/${deliveryId}/redeliver`);
      await told(receiver, id, n);
    }
    expect(receiver.told.at(-1)?.atMs).to.be.below((both.at(-1)?.atMs ?? 0) + 10_000);
    const since = new Date(Date.now() - 60_000).toISOString();
    const recovered = await post(`/webhooks/endpoints/${endpointId}/recover`, { since });
    expect(recovered.status).to.equal(202);
    const { api: stranger } = await newTenant(system());
    for (const path of [`/deliveries/${deliveryId}`, `/deliveries/${deliveryId}/attempts`])
      expect((await stranger.call('GET', `/webhooks${path}`)).status).to.equal(404);
    for (const [path, body] of [
      [`/deliveries/${deliveryId}/redeliver`, {}],
      [`/endpoints/${endpointId}/recover`, { since }],
    ] as const)
      expect((await stranger.call('POST', `/webhooks${path}`, { body })).status).to.equal(404);
  });

  it('go to no address that only we can reach', async () => {
    const { api } = tenant;
    for (const url of [
      ...[
        'https://10.0.0.1/',
        'https://[::1]/',
        'https://169.254.169.254/',
        'http://93.184.215.14/',
      ],
      ...['ftp://example.com/', 'https://user:pass@example.com/', 'nonsense'],
    ]) {
      const { status, body } = await api.submit(textOf('x', { webhook_url: url }), url);
      expect([url, status]).to.deep.equal([url, 400]);
      expect(JSON.stringify(body)).to.include('"field":"webhook_url"');
    }
  });
});

interface Endpoint {
  readonly id: string;
  readonly secret: string;
}

describe('webhook endpoints', function () {
  this.timeout(60_000);
  const system = sharedSystem();
  let tenant: Tenant;
  before(async () => {
    tenant = await newTenant(system());
  });

  const call = async <T>(
    method: string,
    path: string,
    body?: object,
    by: Tenant = tenant,
  ): Promise<T> => {
    const answer = await by.api.call<T>(method, `/webhooks${path}`, { body });
    expect(answer.status, answer.text).to.be.within(200, 299);
    return answer.body;
  };
  const create = (receiver: Receiver, more: object = {}, by: Tenant = tenant) =>
    call<Endpoint>('POST', '/endpoints', { url: receiver.url, ...more }, by);
  const told = (receiver: Receiver, count: number) =>
    eventually(
      `${count} webhooks`,
      () => (receiver.told.length >= count ? receiver.told : undefined),
      10_000,
    );
  /** As the public library of the standard judges. */
  const isGenuine = ({ raw, headers }: Told, secret: string) => {
    try {
      return new Webhook(secret).verify(raw, headers as Record<string, string>) !== undefined;
    } catch {
      return false;
    }
  };

  it('are sent a test, signed with a secret of their own, with their headers', async () => {
    const receiver = await startReceiver();
    const headers = { Authorization: 'Bearer mine', 'X-Stage': 'one' };
    const { id, secret } = await create(receiver, { headers, events: ['file.ready'] });
    const test = await call<Record<string, string>>('POST', `/endpoints/${id}/test`);
    const [one] = await told(receiver, 1);
    if (!one) throw new Error('nothing was told');
    expect(signatureFaults(one, secret)).to.deep.equal([]);
    expect(isGenuine(one, secret)).to.equal(true);
    expect(isGenuine(one, tenant.webhookSecret)).to.equal(false);
    expect(one.headers).to.include({ authorization: 'Bearer mine', 'x-stage': 'one' });
    expect(bodyOf(one)).to.include({ id: test['event_id'], type: 'webhook.test' });
    expect(bodyOf(one).data).to.deep.equal({ endpoint_id: id });
    expect(bodyOf(one)).not.to.have.any.keys('execution_id', 'sequence');
    expect(bodyOf(one).feed_sequence).to.be.above(0);
    await eventually('its success is seen', async () => {
      const seen = await call<{ last_success: string | null }>('GET', `/endpoints/${id}`);
      return seen.last_success !== null;
    });
  });

  it('get every event that happens after the answer, the first of all too', async () => {
    const receiver = await startReceiver();
    for (let n = 0; n < 5; n += 1) {
      const { organizationId, ...other } = await newTenant(system());
      const by = { organizationId, ...other };
      await accept(by.api, textOf('Before'));
      await create(receiver, {}, by);
      const { id } = await accept(by.api, textOf('After', { webhook_url: `${receiver.url}/own` }));
      await eventually(`all of ${id} is told twice`, () => {
        const about = receiver.told.filter((one) => bodyOf(one).execution_id === id);
        const ids = (path: string) =>
          about.filter((one) => one.path === path).map((one) => bodyOf(one).id);
        const [endpoint, own] = [ids('/hook').sort(), ids('/hook/own').sort()];
        return endpoint.length === 2 && JSON.stringify(endpoint) === JSON.stringify(own);
      });
    }
  });

  it('are signed for with both secrets after a rotation, and so is a webhook_url', async () => {
    const receiver = await startReceiver();
    const { id, secret } = await create(receiver);
    const { secret: newer } = await call<Endpoint>('POST', `/endpoints/${id}/rotate-secret`);
    const own = await call<Endpoint>('POST', '/signing-secret/rotate');
    await accept(tenant.api, textOf('Sign', { webhook_url: `${receiver.url}/own` }));
    for (const one of await told(receiver, 4)) {
      const [now, before] =
        one.path === '/hook' ? [newer, secret] : [own.secret, tenant.webhookSecret];
      expect([isGenuine(one, now), isGenuine(one, before)]).to.deep.equal([true, true]);
      expect(signatureFaults(one, now)).to.deep.equal([]);
      const previous = { ...one.headers, 'x-signature': one.headers['x-signature-previous'] };
      expect(signatureFaults({ ...one, headers: previous }, before)).to.deep.equal([]);
      expect(String(one.headers['webhook-signature']).split(' ')).to.have.length(2);
    }
    await call('DELETE', `/endpoints/${id}`);
  });

  it('get nothing once they are deleted or switched off', async () => {
    const [kept, off, gone] = [
      await startReceiver(),
      await startReceiver(),
      await startReceiver(),
    ] as const;
    await create(kept);
    const [switched, deleted] = [await create(off), await create(gone)];
    await call('PATCH', `/endpoints/${switched.id}`, { is_active: false });
    await call('DELETE', `/endpoints/${deleted.id}`);
    await accept(tenant.api, textOf('Quiet'));
    await told(kept, 2);
    expect([off.told, gone.told]).to.deep.equal([[], []]);
    await call('PATCH', `/endpoints/${switched.id}`, { is_active: true });
    await accept(tenant.api, textOf('Again'));
    await told(off, 2);
    expect(gone.told).to.deep.equal([]);
  });
});
