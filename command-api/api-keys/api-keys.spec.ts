import { expect } from 'chai';
import type { OrganizationId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { eventually } from '../../testing/eventually.js';
import { openCommandApi, openTenant } from '../testing/kit.js';
import type { Answer, CommandApi, Tenant } from '../testing/kit.js';

const MADE_UP = 'key_99999999-9999-4999-8999-999999999999';
const HOUR_MS = 3_600_000;

describe('the API keys of a tenant', () => {
  let store: EventStore;
  let api: CommandApi;
  let tenant: Tenant;
  let own: string;
  let ahead = 0;

  before(async () => {
    store = openMemoryEventStore();
    api = await openCommandApi(store, undefined, undefined, () => Date.now() + ahead);
  });
  beforeEach(async () => {
    ahead = 0;
    tenant = await openTenant(api);
    const granted = await store.readStream(streamOf('organization', tenant.organizationId));
    own = (granted.at(-1)?.data as { keyId: string }).keyId;
  });
  after(async () => {
    await api.close();
    await store.close();
  });

  const ask = (key: string, method: string, path: string, body?: object) =>
    api.ask(method, path, { headers: { authorization: `Bearer ${key}` }, body });
  const owner = (method: string, path: string, body?: object) =>
    ask(tenant.apiKey, method, path, body);
  const create = async (body: object = {}, as = tenant.apiKey) => {
    const { status, json, text } = await ask(as, 'POST', '/v1/api-keys', { name: 'x', ...body });
    expect(status, text).to.equal(201);
    return json as { id: string; key: string } & Record<string, unknown>;
  };
  /** 400: let in. The body is not one. */
  const use = async (key: string) => (await ask(key, 'POST', '/v1/executions', {})).status;
  const untilUse = (key: string, status: number) =>
    eventually(`${status}`, async () => (await use(key)) === status, 1_000);
  const codeOf = ({ status, json }: Answer) => {
    const { error } = json as { error: { code: string; details?: { field: string }[] } };
    return [status, error.code, error.details?.[0]?.field];
  };
  const eventsOf = async (id: string) =>
    (await store.readStream(streamOf('apiKey', id))).map(({ type }) => type);

  describe('are created', () => {
    it('with a permission and limits, which are shown in their shortest form', async () => {
      const {
        id,
        key,
        created_at: createdAt,
        ...shown
      } = await create({
        permission: 'DEVELOPER',
        expires_at: '2999-01-01T02:00:00+02:00',
        ip_allow_list: ['127.0.0.1', '203.0.113.9/24', '::ffff:203.0.113.1/120', '2001:DB8::/32'],
        allowed_models: ['text-generation-standard'],
        require: { region: 'eu' },
      });
      expect([id.slice(0, 4), key.slice(0, 3), String(createdAt).at(-1)]).to.deep.equal([
        'key_',
        'sk_',
        'Z',
      ]);
      expect(shown).to.deep.equal({
        name: 'x',
        permission: 'DEVELOPER',
        expires_at: '2999-01-01T00:00:00.000Z',
        ip_allow_list: ['127.0.0.1', '203.0.113.0/24', '2001:db8::/32'],
        allowed_models: ['text-generation-standard'],
        require: { region: 'eu' },
      });
      expect(await use(key)).to.equal(400);
    });

    it('by FULL alone', async () => {
      for (const permission of ['DEVELOPER', 'EXECUTION_ONLY', 'BILLING', 'AUDITOR']) {
        const { key } = await create({ permission });
        const asked: [string, string, object?][] = [
          ['POST', '', { name: 'x' }],
          ['PATCH', `/${own}`, { name: 'x' }],
          ['POST', `/${own}/rotate`],
          ['DELETE', `/${own}`],
        ];
        for (const [method, path, body] of asked)
          expect((await ask(key, method, `/v1/api-keys${path}`, body)).status).to.equal(403);
      }
    });

    it('from what is valid: a 400 names the field', async () => {
      const wrong: [object, string][] = [
        [{ name: '' }, 'name'],
        [{ permission: 'OWNER' }, 'permission'],
        [{ expires_at: '2001-01-01T00:00:00Z' }, 'expires_at'],
        [{ expires_at: '2999-02-30T00:00:00Z' }, 'expires_at'],
        [{ ip_allow_list: [] }, 'ip_allow_list'],
        [{ ip_allow_list: ['10.0.0.0/8', 'fe80::1%eth0'] }, 'ip_allow_list[1]'],
        [{ ip_allow_list: ['010.0.0.1'] }, 'ip_allow_list[0]'],
        [{ ip_allow_list: Array.from({ length: 101 }, (_, n) => `10.0.0.${n}`) }, 'ip_allow_list'],
        [{ allowed_models: ['no-such-model'] }, 'allowed_models[0]'],
        [{ require: { retention: 'some' } }, 'require.retention'],
        [{ hash: 'x' }, 'hash'],
      ];
      for (const [body, field] of wrong) {
        const answer = await owner('POST', '/v1/api-keys', { name: 'x', ...body });
        expect(codeOf(answer), answer.text).to.deep.equal([400, 'INPUT_VALIDATION_ERROR', field]);
      }
    });

    it('at most 20 of them, whoever asks, also at once and beside rotations', async () => {
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, n) =>
          n % 15 === 0
            ? owner('POST', `/v1/api-keys/${own}/rotate`)
            : owner('POST', '/v1/api-keys', { name: `k${n}` }),
        ),
      );
      const having = (wanted: number) => answers.filter(({ status }) => status === wanted);
      // 19 beside the first one, 4 rotations, and 37 for which there is no place.
      expect([201, 200, 409].map((status) => having(status).length)).to.deep.equal([19, 4, 37]);
      const more = await owner('POST', '/v1/api-keys', { name: 'more' });
      expect(codeOf(more).slice(0, 2)).to.deep.equal([409, 'CONFLICT']);
    });
  });

  describe('never grant what they may not do', () => {
    const limits = {
      expires_at: '2999-01-01T00:00:00.000Z',
      ip_allow_list: ['127.0.0.0/8'],
      allowed_models: ['text-generation-standard', 'flux-1.1-pro'],
      require: { region: 'eu' },
    };
    let bound: string;
    let boundId: string;
    beforeEach(async () => {
      const created = await create(limits);
      [bound, boundId] = [created.key, created.id];
    });
    const wider = [
      { expires_at: '2999-01-02T00:00:00Z' },
      { ip_allow_list: ['127.0.0.1', '10.0.0.1'] },
      { allowed_models: ['tts-standard'] },
      { require: { region: 'us' } },
      { require: {} },
      ...Object.keys(limits).map((field) => ({ [field]: null })),
    ];

    it('to a key that they create, which has their limits where it names none', async () => {
      const { key: _, id: __, created_at: ___, ...shown } = await create({}, bound);
      expect(shown).to.deep.equal({ name: 'x', permission: 'FULL', ...limits });
      for (const body of wider) {
        const answer = await ask(bound, 'POST', '/v1/api-keys', { name: 'x', ...body });
        expect(codeOf(answer)).to.deep.equal([403, 'FORBIDDEN', Object.keys(body)[0]]);
      }
    });

    it('to themselves or to others that they change', async () => {
      for (const id of [boundId, own])
        for (const body of wider) {
          const answer = await ask(bound, 'PATCH', `/v1/api-keys/${id}`, body);
          expect(codeOf(answer)).to.deep.equal([403, 'FORBIDDEN', Object.keys(body)[0]]);
        }
      expect((await ask(bound, 'PATCH', `/v1/api-keys/${own}`, { name: 'y' })).status).to.equal(
        200,
      );
    });

    it('to themselves by rotating a key that may do more', async () => {
      const answer = await ask(bound, 'POST', `/v1/api-keys/${own}/rotate`);
      expect(codeOf(answer)).to.deep.equal([403, 'FORBIDDEN', 'expires_at']);
      expect((await ask(bound, 'POST', `/v1/api-keys/${boundId}/rotate`)).status).to.equal(200);
    });

    it('at the cost of a key that may do more: they neither narrow nor delete it', async () => {
      const narrowed = await ask(bound, 'PATCH', `/v1/api-keys/${own}`, limits);
      expect(codeOf(narrowed)).to.deep.equal([403, 'FORBIDDEN', 'expires_at']);
      const deleted = await ask(bound, 'DELETE', `/v1/api-keys/${own}`);
      expect(codeOf(deleted)).to.deep.equal([403, 'FORBIDDEN', 'expires_at']);
      expect(await eventsOf(own)).not.to.include('ApiKeyRevoked');
      const { id } = await create({}, bound);
      const narrower = { allowed_models: ['flux-1.1-pro'] };
      expect((await ask(bound, 'PATCH', `/v1/api-keys/${id}`, narrower)).status).to.equal(200);
      expect((await ask(bound, 'DELETE', `/v1/api-keys/${id}`)).status).to.equal(204);
      expect((await ask(bound, 'DELETE', `/v1/api-keys/${boundId}`)).status).to.equal(204);
    });
  });

  describe('are changed', () => {
    it('each limit by itself, within a second', async () => {
      const { id, key } = await create({ permission: 'EXECUTION_ONLY' });
      const change = async (body: object) =>
        (await owner('PATCH', `/v1/api-keys/${id}`, body)).json;
      expect(await use(key)).to.equal(400);
      expect(await change({ ip_allow_list: ['203.0.113.7'] })).to.include({ name: 'x' });
      await untilUse(key, 403);
      const named = await change({ name: 'y', require: { training: 'never' } });
      expect(named).to.deep.include({ name: 'y', ip_allow_list: ['203.0.113.7'] });
      expect(await change({ ip_allow_list: null })).to.deep.include({
        ip_allow_list: null,
        require: { training: 'never' },
      });
      await untilUse(key, 400);
      await change({});
      expect(await eventsOf(id)).to.deep.equal([
        'ApiKeyCreated',
        ...['ApiKeyChanged', 'ApiKeyChanged', 'ApiKeyChanged'],
      ]);
    });

    it('by several at once, without one change lost', async () => {
      const { id } = await create();
      await Promise.all([
        owner('PATCH', `/v1/api-keys/${id}`, { name: 'y' }),
        owner('PATCH', `/v1/api-keys/${id}`, { allowed_models: ['tts-standard'] }),
        owner('PATCH', `/v1/api-keys/${id}`, { require: { region: 'eu' } }),
      ]);
      const { json } = await owner('PATCH', `/v1/api-keys/${id}`, {});
      expect(json).to.deep.include({
        name: 'y',
        allowed_models: ['tts-standard'],
        require: { region: 'eu' },
      });
    });
  });

  describe('are rotated', () => {
    const rotate = async (id: string, as = tenant.apiKey) =>
      (await ask(as, 'POST', `/v1/api-keys/${id}/rotate`)).json as {
        id: string;
        new_key: string;
        previous_key_valid_until: string;
      };

    it('under their id: the new one works at once, the one before for an hour', async () => {
      const { id, key } = await create();
      const before = Date.now();
      const { id: same, new_key: next, previous_key_valid_until: until } = await rotate(id);
      expect(same).to.equal(id);
      expect(next).to.match(/^sk_[0-9a-f]{64}_[0-9a-f]{8}$/);
      expect(Date.parse(until) - before).to.be.within(HOUR_MS, HOUR_MS + 5_000);
      expect([await use(key), await use(next)]).to.deep.equal([400, 400]);
      ahead = HOUR_MS - 60_000;
      expect([await use(key), await use(next)]).to.deep.equal([400, 400]);
      ahead = HOUR_MS + 5_000;
      await untilUse(key, 401);
      expect(await use(next)).to.equal(400);
    });

    it('by themselves, and again with either secret', async () => {
      const { id, key } = await create();
      const first = await rotate(id, key);
      const second = await rotate(id, key);
      const third = await rotate(id, first.new_key);
      for (const text of [key, first.new_key, second.new_key, third.new_key])
        expect(await use(text)).to.equal(400);
      ahead = HOUR_MS + 5_000;
      for (const text of [key, first.new_key, second.new_key]) await untilUse(text, 401);
      expect(await use(third.new_key)).to.equal(400);
    });

    it('at once: each answer has a key that works', async () => {
      const { id } = await create();
      const rotated = await Promise.all(Array.from({ length: 5 }, () => rotate(id)));
      for (const { new_key: next } of rotated) expect(await use(next)).to.equal(400);
      expect((await eventsOf(id)).filter((type) => type === 'ApiKeyRotated')).to.have.length(5);
    });

    it('at most nine times within an hour', async () => {
      const { id } = await create();
      for (let n = 0; n < 9; n++) await rotate(id);
      const answer = await owner('POST', `/v1/api-keys/${id}/rotate`);
      expect(codeOf(answer).slice(0, 2)).to.deep.equal([409, 'CONFLICT']);
      ahead = HOUR_MS + 5_000;
      expect(await use((await rotate(id)).new_key)).to.equal(400);
    });

    it('not once they have expired, until they are given another end', async () => {
      const { id } = await create({ expires_at: new Date(Date.now() + HOUR_MS).toISOString() });
      ahead = HOUR_MS;
      expect((await owner('POST', `/v1/api-keys/${id}/rotate`)).status).to.equal(409);
      await owner('PATCH', `/v1/api-keys/${id}`, { expires_at: null });
      expect(await use((await rotate(id)).new_key)).to.equal(400);
    });

    it('and end with all of their secrets', async () => {
      const { id, key } = await create();
      const { new_key: next } = await rotate(id);
      expect([await use(key), await use(next)]).to.deep.equal([400, 400]);
      expect((await owner('DELETE', `/v1/api-keys/${id}`)).status).to.equal(204);
      await untilUse(key, 401);
      await untilUse(next, 401);
      expect((await owner('POST', `/v1/api-keys/${id}/rotate`)).status).to.equal(404);
    });

    it('or deleted: of a race, no key is left that works', async () => {
      const { id } = await create();
      const [rotated, deleted] = await Promise.all([
        owner('POST', `/v1/api-keys/${id}/rotate`),
        owner('DELETE', `/v1/api-keys/${id}`),
      ]);
      expect(deleted.status).to.equal(204);
      expect([200, 404]).to.include(rotated.status);
      if (rotated.status === 200) await untilUse(String(rotated.json['new_key']), 401);
      expect((await eventsOf(id)).at(-1)).to.equal('ApiKeyRevoked');
    });
  });

  describe('are deleted', () => {
    it('by themselves, while another owner is left', async () => {
      const { id, key } = await create();
      expect((await ask(key, 'DELETE', `/v1/api-keys/${id}`)).status).to.equal(204);
      await untilUse(key, 401);
      expect((await owner('DELETE', `/v1/api-keys/${id}`)).status).to.equal(204);
    });

    it('but for the last owner, whatever other keys there are', async () => {
      await create({ permission: 'DEVELOPER' });
      const soon = await create({ expires_at: new Date(Date.now() + HOUR_MS).toISOString() });
      ahead = HOUR_MS;
      const last = await owner('DELETE', `/v1/api-keys/${own}`);
      expect(codeOf(last).slice(0, 2)).to.deep.equal([409, 'CONFLICT']);
      expect((await owner('DELETE', `/v1/api-keys/${soon.id}`)).status).to.equal(204);
    });

    it('of two owners that delete each other, one stays', async () => {
      const { id, key } = await create();
      const answers = await Promise.all([
        owner('DELETE', `/v1/api-keys/${id}`),
        ask(key, 'DELETE', `/v1/api-keys/${own}`),
      ]);
      const statuses = answers.map(({ status }) => status).sort();
      expect(statuses[0]).to.equal(204);
      expect([401, 409]).to.include(statuses[1]);
    });

    it('by an operator, the last owner too', async () => {
      const home = `/admin/v1/organizations/${tenant.organizationId}/api-keys`;
      expect((await api.asOperator('DELETE', `${home}/${own}`)).status).to.equal(204);
      await untilUse(tenant.apiKey, 401);
    });
  });

  it('are unknown to another tenant, as made-up ones are', async () => {
    const other = await openTenant(api);
    const secret = await owner('POST', `/v1/api-keys/${own}/rotate`);
    expect(secret.status).to.equal(200);
    for (const id of [own, MADE_UP, 'key_1', 'org_1'])
      for (const [method, path, body] of [
        ['DELETE', ''],
        ['POST', '/rotate'],
        ['PATCH', '', { name: 'z' }],
      ] as const) {
        const answer = await ask(other.apiKey, method, `/v1/api-keys/${id}${path}`, body);
        expect(codeOf(answer), `${method} ${id}${path}`).to.deep.equal([
          404,
          'NOT_FOUND',
          undefined,
        ]);
      }
    expect(await eventsOf(own)).to.deep.equal(['ApiKeyCreated', 'ApiKeyRotated']);
  });

  it('are changed and rotated by operators, whom nothing binds', async () => {
    const home = `/admin/v1/organizations/${tenant.organizationId}/api-keys`;
    const elsewhere = (await openTenant(api)).organizationId satisfies OrganizationId;
    const changed = await api.asOperator('PATCH', `${home}/${own}`, { require: { region: 'eu' } });
    expect(changed.json).to.deep.include({ id: own, require: { region: 'eu' } });
    const rotated = await api.asOperator('POST', `${home}/${own}/rotate`);
    expect(await use(String(rotated.json['new_key']))).to.equal(400);
    const foreign = `/admin/v1/organizations/${elsewhere}/api-keys/${own}`;
    expect((await api.asOperator('PATCH', foreign, { name: 'x' })).status).to.equal(404);
    expect((await api.asOperator('POST', `${foreign}/rotate`)).status).to.equal(404);
  });
});
