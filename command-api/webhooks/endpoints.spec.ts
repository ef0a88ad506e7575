import { expect } from 'chai';
import { streamOf } from '../../contracts/streams.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import type { EventStore } from '../../infra/event-store/port.js';
import {
  openCommandApi,
  openTenant,
  type Answer,
  type CommandApi,
  type Tenant,
} from '../testing/kit.js';

const URL_OF = 'https://receiver.example/hook';
const HOUR_MS = 3_600_000;

describe('webhook endpoints', () => {
  const store: EventStore = openMemoryEventStore();
  let api: CommandApi;
  let tenant: Tenant;
  let other: Tenant;
  let aheadMs = 0;
  before(async () => {
    api = await openCommandApi(store, new Map(), undefined, () => Date.now() + aheadMs);
    other = await openTenant(api);
  });
  beforeEach(async () => {
    tenant = await openTenant(api);
  });
  afterEach(() => (aheadMs = 0));
  after(async () => {
    await api.close();
    await store.close();
  });

  const ask = (method: string, path: string, body?: unknown, headers = {}, by = tenant) =>
    api.ask(method, `/v1/webhooks${path}`, { headers: { ...by.as, ...headers }, body });
  const create = (body: object = {}, headers = {}, by = tenant) =>
    ask('POST', '/endpoints', { url: URL_OF, ...body }, headers, by);
  const created = async (body: object = {}) => {
    const answer = await create(body);
    expect(answer.status, answer.text).to.equal(201);
    return answer.json as { id: string; secret: string };
  };
  const patch = (id: string, body: object, by = tenant) =>
    ask('PATCH', `/endpoints/${id}`, body, {}, by);
  const errorOf = ({ status, json }: Answer) => {
    const { code, details } = json['error'] as {
      code: string;
      details?: { field?: string; code: string }[];
    };
    return [status, code, ...(details ?? []).map((detail) => `${detail.field}: ${detail.code}`)];
  };
  const events = async (by = tenant) =>
    store.readStream(streamOf('webhookEndpoint', by.organizationId));

  it('are created with a secret that is in no event', async () => {
    const answer = await create({ description: 'mine', headers: { 'X-Stage': 'one' } });
    expect(answer.status).to.equal(201);
    const { id, secret, created_at, updated_at, ...rest } = answer.json;
    expect(answer.headers['location']).to.equal(`/v1/webhooks/endpoints/${String(id)}`);
    expect(secret).to.match(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(created_at).to.equal(updated_at);
    expect(rest).to.deep.equal({
      url: URL_OF,
      description: 'mine',
      events: [],
      headers: { 'X-Stage': 'one' },
      is_active: true,
      disabled_reason: null,
      disabled_at: null,
      previous_secret_valid_until: null,
      failure_count: 0,
      last_success: null,
    });
    expect(JSON.stringify(await events(), noBigints)).not.to.contain(String(secret).slice(6, 30));
  });

  it('of fifty that race with others are fifty, and the others learn why', async () => {
    const answers = await Promise.all(Array.from({ length: 60 }, () => create()));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).to.have.length(50);
    const refused = answers.filter(({ status }) => status !== 201);
    expect(new Set(refused.map((answer) => errorOf(answer).join()))).to.deep.equal(
      new Set(['409,CONFLICT']),
    );
    const [first] = answers.filter(({ status }) => status === 201);
    expect((await ask('DELETE', `/endpoints/${String(first?.json['id'])}`)).status).to.equal(204);
    expect((await create()).status).to.equal(201);
  });

  it('are created once under one key, whose repeats show the same secret', async () => {
    const key = { 'idempotency-key': 'one' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => create({}, key)));
    const replays = answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true');
    expect(replays).to.have.length(9);
    expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
    expect(errorOf(await create({ description: 'other' }, key))).to.deep.equal([
      422,
      'IDEMPOTENCY_MISMATCH',
    ]);
    expect((await create({ idempotency_key: 'one' })).text).to.equal(answers[0]?.text);
    await ask('DELETE', `/endpoints/${String(answers[0]?.json['id'])}`);
    expect(errorOf(await create({}, key))).to.deep.equal([409, 'CONFLICT']);
  });

  it('have a public https address, whatever notation another one is in', async () => {
    const hosts = ['127.0.0.1', '0x7f.1', '2130706433', '[::1]', '[::ffff:7f00:1]', 'localhost'];
    const more = ['169.254.169.254', '[64:ff9b::7f00:1]', '10.0.0.1', 'intranet', 'a.internal'];
    const urls = [
      ...[...hosts, ...more].map((host) => `https://${host}/hook`),
      'http://receiver.example/hook',
      'https://user:password@receiver.example/hook',
      'https://user@receiver.example/hook',
      'https://receiver.example:8080/hook',
      'https://receiver.example/\r\nX-Evil: 1',
      'https://receiver.example/ü',
      'https://receiver.example./hook',
      'https:receiver.example',
      'ftp://receiver.example/',
      'javascript:alert(1)',
    ];
    for (const url of urls) {
      expect(errorOf(await create({ url })), url).to.deep.equal([
        400,
        'INPUT_VALIDATION_ERROR',
        'url: refused',
      ]);
    }
    const long = `https://receiver.example/${'a'.repeat(8_192)}`;
    expect(errorOf(await create({ url: long }))[2]).to.equal('url: max_length');
    const { id } = await created();
    expect(errorOf(await patch(id, { url: 'https://127.0.0.1/' }))[2]).to.equal('url: refused');
  });

  it('refuse headers that are not theirs to set, each by its name', async () => {
    const refused: readonly [Record<string, unknown>, string][] = [
      [{ 'X-Evil': 'a\r\nSet-Cookie: b' }, 'headers.X-Evil: pattern'],
      [{ 'X-Evil': 'a\nb' }, 'headers.X-Evil: pattern'],
      [{ 'X-Evil': ' a' }, 'headers.X-Evil: pattern'],
      [{ 'X-Evil': 'ü' }, 'headers.X-Evil: pattern'],
      [{ 'X-Evil': 7 }, 'headers.X-Evil: type'],
      [{ 'X-Evil': 'a'.repeat(1_025) }, 'headers.X-Evil: max_length'],
      [{ 'X Evil': 'a' }, 'headers.X Evil: pattern'],
      [{ 'X-Evil\r\nHost': 'a' }, 'headers.X-Evil\r\nHost: pattern'],
      [{ '': 'a' }, 'headers.: pattern'],
      [{ ['x'.repeat(65)]: 'a' }, `headers.${'x'.repeat(65)}: max_length`],
      [{ 'X-A': '1', 'x-a': '2' }, 'headers.x-a: repeated'],
      [{ Host: 'a' }, 'headers.Host: reserved'],
      [{ 'Content-Length': '1' }, 'headers.Content-Length: reserved'],
      [{ 'content-type': 'a' }, 'headers.content-type: reserved'],
      [{ 'TRANSFER-ENCODING': 'chunked' }, 'headers.TRANSFER-ENCODING: reserved'],
      [{ Connection: 'close' }, 'headers.Connection: reserved'],
      [{ 'Proxy-Authorization': 'a' }, 'headers.Proxy-Authorization: reserved'],
      [{ 'X-Signature': 'a' }, 'headers.X-Signature: reserved'],
      [{ 'x-signature-timestamp': 'a' }, 'headers.x-signature-timestamp: reserved'],
      [{ 'Webhook-Id': 'a' }, 'headers.Webhook-Id: reserved'],
    ];
    for (const [headers, detail] of refused) {
      const answer = errorOf(await create({ headers }));
      expect(answer.slice(0, 2), detail).to.deep.equal([400, 'INPUT_VALIDATION_ERROR']);
      expect(answer.slice(2), detail).to.include(detail);
    }
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`X-${n}`, 'a']));
    expect(errorOf(await create({ headers: many }))[2]).to.equal('headers: max_properties');
    const large = Object.fromEntries(
      Array.from({ length: 5 }, (_, n) => [`X-${n}`, 'a'.repeat(1_000)]),
    );
    expect(errorOf(await create({ headers: large }))[2]).to.equal('headers: max_length');
  });

  it('take headers of any other name, and keep what is a credential to themselves', async () => {
    const headers = { Authorization: 'Bearer canary', 'X-Stage': 'one' };
    const { id } = await created({ headers });
    const read = async (body: object) => (await patch(id, body)).json['headers'];
    const shown = await read({});
    expect(Object.entries(shown as object)).to.deep.equal([
      ['Authorization', '***'],
      ['X-Stage', 'one'],
    ]);
    const log = JSON.stringify(await events(), noBigints);
    expect(log).not.to.contain('canary');
    const before = (await events()).length;
    await patch(id, { headers: { Authorization: '***', 'X-Stage': 'one' } });
    expect((await events()).length, 'a mask that comes back changes nothing').to.equal(before);
    expect(await read({ headers: null })).to.deep.equal({});
  });

  it('refuse what cannot be stored, and events that do not exist', async () => {
    expect((await create({ description: 'a\u0000b' })).status).to.equal(400);
    const lone = '{"url":"https://receiver.example/hook","description":"\\ud800"}';
    expect((await ask('POST', '/endpoints', lone)).status).to.equal(400);
    for (const wanted of [['execution.paused'], ['webhook.test'], [7], 'all'])
      expect((await create({ events: wanted })).status, String(wanted)).to.equal(400);
    expect((await create({ events: ['file.ready', 'file.ready'] })).status).to.equal(400);
    expect((await create({ secret: 'whsec_mine' })).status).to.equal(400);
    expect((await create({ events: ['file.ready', 'balance.low'] })).status).to.equal(201);
  });

  it('are changed in part, switched off and on, and deleted once', async () => {
    const { id } = await created({ description: 'mine', events: ['file.ready'] });
    const changed = await patch(id, { url: `${URL_OF}/2`, description: null });
    expect(changed.status).to.equal(200);
    expect(changed.json).to.include({ url: `${URL_OF}/2`, description: null, is_active: true });
    expect(changed.json['events']).to.deep.equal(['file.ready']);
    const off = await patch(id, { is_active: false });
    expect(off.json).to.include({ is_active: false, disabled_reason: 'organization' });
    expect(off.json['disabled_at']).to.be.a('string');
    const on = await patch(id, { is_active: true });
    expect(on.json).to.include({ is_active: true, disabled_reason: null, disabled_at: null });
    expect((await ask('DELETE', `/endpoints/${id}`)).status).to.equal(204);
    expect((await ask('DELETE', `/endpoints/${id}`)).status).to.equal(404);
    expect((await patch(id, {})).status).to.equal(404);
  });

  it('are unknown to other tenants, as made-up ones are', async () => {
    const { id } = await created();
    const made = 'we_00000000-0000-4000-8000-000000000000';
    for (const path of [id, made, 'we_', '..', id.toUpperCase()]) {
      expect((await patch(path, {}, other)).status, path).to.equal(404);
      const rotated = await ask('POST', `/endpoints/${path}/rotate-secret`, undefined, {}, other);
      expect(rotated.status, path).to.equal(404);
      const deleted = await ask('DELETE', `/endpoints/${path}`, undefined, {}, other);
      expect(deleted.status, path).to.equal(404);
    }
    expect((await patch(id, {})).status).to.equal(200);
  });

  it('are sent a test event while they are active, as a delivery of its own', async () => {
    const { id } = await created();
    const test = (path: string) => ask('POST', `/endpoints/${path}/test`);
    const { status, json } = await test(id);
    expect(status).to.equal(202);
    const { delivery_id: deliveryId, event_id: eventId } = json as Record<string, string>;
    const [scheduled] = await store.readStream(`delivery-${deliveryId}`);
    expect(scheduled?.data).to.include({ deliveryId, eventId, endpointId: id, url: URL_OF });
    const [requested] = await store.readStream(`webhookTest-${eventId}`);
    expect(requested?.data).to.include({ deliveryId, eventId, endpointId: id });
    await patch(id, { is_active: false });
    expect(errorOf(await test(id))).to.deep.equal([409, 'CONFLICT']);
    expect((await test('we_00000000-0000-4000-8000-000000000000')).status).to.equal(404);
  });

  it('have their secret rotated: three sign at most, a replaced one for a day', async () => {
    const { id, secret } = await created();
    const rotate = (headers = {}) =>
      ask('POST', `/endpoints/${id}/rotate-secret`, undefined, headers);
    const first = await rotate({ 'idempotency-key': 'first' });
    expect(first.status).to.equal(200);
    expect(first.json['secret'])
      .to.match(/^whsec_/)
      .and.not.equal(secret);
    const until = Date.parse(String(first.json['previous_secret_valid_until']));
    expect(until - Date.now()).to.be.within(24 * HOUR_MS - 60_000, 24 * HOUR_MS);
    const again = await rotate({ 'idempotency-key': 'first' });
    expect(again.text).to.equal(first.text);
    expect(again.headers['idempotency-replayed']).to.equal('true');
    expect((await rotate()).status).to.equal(200);
    const refused = await rotate();
    expect(errorOf(refused)).to.deep.equal([409, 'CONFLICT']);
    expect(Number(refused.headers['retry-after'])).to.be.within(86_000, 86_400);
    aheadMs = 24 * HOUR_MS + 1_000;
    expect((await rotate()).status).to.equal(200);
  });

  it('leave the secret of the organization alone, which is rotated by itself', async () => {
    const rotate = (headers = {}) => ask('POST', '/signing-secret/rotate', undefined, headers);
    const before = api.commands.secrets.webhookSecret(tenant.organizationId);
    const first = await rotate({ 'idempotency-key': 'first' });
    expect(first.status).to.equal(200);
    expect(first.json['secret']).not.to.equal(before);
    expect((await rotate({ 'idempotency-key': 'first' })).text).to.equal(first.text);
    const { signingSecret } = await api.commands.webhooks.settingsOf(tenant.organizationId);
    expect(signingSecret.generation).to.equal(2);
    const races = await Promise.all([rotate(), rotate(), rotate()]);
    expect(races.map(({ status }) => status).sort()).to.deep.equal([200, 409, 409]);
  });
});

const noBigints = (_: string, value: unknown) =>
  typeof value === 'bigint' ? value.toString() : value;
