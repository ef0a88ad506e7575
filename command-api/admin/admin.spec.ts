import { expect } from 'chai';
import { streamOf } from '../../contracts/streams.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { eventually } from '../../testing/eventually.js';
import { commandRoutes } from '../app.js';
import { accountEvents, openCommandApi, openTenant } from '../testing/kit.js';
import type { Answer, CommandApi, Tenant } from '../testing/kit.js';

describe('the admin API', () => {
  let store: EventStore;
  let api: CommandApi;

  before(async () => {
    store = openMemoryEventStore();
    api = await openCommandApi(store);
  });
  after(async () => {
    await api.close();
    await store.close();
  });

  const organizations = '/admin/v1/organizations';
  const fieldOf = ({ json }: Answer) =>
    (json as { error: { details?: { field?: string }[] } }).error.details?.[0]?.field;
  const codeOf = ({ json }: Answer) => (json as { error: { code: string } }).error.code;
  const nobody = `${organizations}/org_99999999-9999-4999-8999-999999999999`;

  it('opens to the operator alone', async () => {
    const { as } = await openTenant(api);
    for (const headers of [{}, as, { 'x-admin-key': 'wrong' }]) {
      const answer = await api.ask('POST', organizations, { headers, body: { name: 'x' } });
      expect([answer.status, codeOf(answer)]).to.deep.equal([401, 'UNAUTHORIZED']);
    }
  });

  describe('organizations', () => {
    it('are created with the secret that signs their webhooks', async () => {
      const { status, json } = await api.asOperator('POST', organizations, { name: 'Acme' });
      expect(status).to.equal(201);
      expect(json['id']).to.match(/^org_[0-9a-f-]{36}$/);
      expect(json['name']).to.equal('Acme');
      expect(json['webhook_secret']).to.match(/^whsec_[A-Za-z0-9+/]{43}=$/);
      expect(json['created_at']).to.match(/Z$/);
    });

    it('are created once under one idempotency key', async () => {
      const create = (name: string) =>
        api.asOperator('POST', organizations, { name }, { 'idempotency-key': 'org-1' });
      const [first, again] = [await create('Acme'), await create('Acme')];
      expect([again.status, again.text]).to.deep.equal([201, first.text]);
      expect(again.headers['idempotency-replayed']).to.equal('true');
      const other = await create('Apex');
      expect([other.status, codeOf(other)]).to.deep.equal([422, 'IDEMPOTENCY_MISMATCH']);
    });

    it('have rate limits, and so have their keys, each part until it is taken back', async () => {
      const { organizationId } = await openTenant(api);
      const home = `${organizations}/${organizationId}`;
      const { json: key } = await api.asOperator('POST', `${home}/api-keys`, { name: 'limited' });
      const of = { organization_id: organizationId };
      const ofKey = { ...of, api_key_id: String(key['id']) };
      const set = async (path: string, body: object) => {
        const { status, json } = await api.asOperator('PATCH', `${path}/rate-limit`, body);
        return [status, json];
      };
      const usual = { ...of, requests_per_minute: 600, burst: 100 };
      expect(await set(home, {})).to.deep.equal([200, usual]);
      const none = { requests_per_minute: 0 };
      expect(await set(home, none)).to.deep.equal([200, { ...usual, ...none }]);
      expect(await set(home, { burst: 7 })).to.deep.equal([200, { ...usual, ...none, burst: 7 }]);
      const back = { requests_per_minute: null, burst: null };
      expect(await set(home, back)).to.deep.equal([200, usual]);
      const its = `${home}/api-keys/${String(key['id'])}`;
      const own = { requests_per_minute: 5 };
      expect(await set(its, own)).to.deep.equal([200, { ...ofKey, ...own, burst: null }]);
      expect(await set(its, back)).to.deep.equal([200, { ...ofKey, ...back }]);
      const [set5] = (await store.readStream(streamOf('apiKey', ofKey.api_key_id))).slice(1);
      expect(set5).to.deep.include({ type: 'ApiKeyRequestRateSet' });
      expect(set5?.metadata.actor).to.equal('operator');
      const elsewhere = `${nobody}/api-keys/${ofKey.api_key_id}`;
      for (const path of [nobody, elsewhere, `${home}/api-keys/x`])
        expect((await set(path, own))[0]).to.equal(404);
      for (const body of [{ burst: 0 }, { requests_per_minute: -1 }, { requests_per_minute: '5' }])
        expect((await set(home, body))[0]).to.equal(400);
    });

    it('are erased once who asks has named them twice, and for good', async () => {
      const { organizationId, as } = await openTenant(api);
      const home = `${organizations}/${organizationId}`;
      const { dataKeys } = api.commands;
      const first = await dataKeys.keyFor(organizationId);
      expect(first).to.include({ version: 1 });
      const renewed = await api.asOperator('POST', `${home}/data-keys`);
      expect([renewed.status, renewed.json]).to.deep.equal([
        201,
        { organization_id: organizationId, version: 2 },
      ]);
      const erase = async (body: object, path = home) => {
        const answer = await api.asOperator('POST', `${path}/erase`, body);
        return [answer.status, answer.status < 300 ? answer.json : codeOf(answer)];
      };
      const reason = 'the contract ended';
      for (const body of [{}, { confirm: organizationId }, { confirm: 'Other', reason }])
        expect(await erase(body)).to.deep.equal([400, 'INPUT_VALIDATION_ERROR']);
      expect(await erase({ confirm: 'x', reason }, nobody)).to.deep.equal([404, 'NOT_FOUND']);
      const [status, body] = await erase({ confirm: organizationId, reason });
      expect(status).to.equal(202);
      expect(body).to.have.keys('organization_id', 'erased_at');
      expect(await erase({ confirm: organizationId, reason: 'again' })).to.deep.equal([202, body]);
      expect(await dataKeys.keyFor(organizationId)).to.equal('erased');
      expect((await api.asOperator('POST', `${home}/data-keys`)).status).to.equal(409);
      expect((await api.asOperator('POST', `${nobody}/data-keys`)).status).to.equal(404);
      const facts = await store.readStream(streamOf('organization', organizationId));
      const [erased, ...others] = facts.filter(({ type }) => type === 'OrganizationErased');
      expect(others).to.deep.equal([]);
      expect(erased?.metadata).to.include({ actor: 'operator', reason });
      expect(
        (await api.ask('POST', '/v1/files/upload', { headers: as, body: {} })).status,
      ).to.equal(401);
    });

    it('are erased while executions of them are not over only where it is forced', async () => {
      const tenant = await openTenant(api);
      const its = `${organizations}/${tenant.organizationId}`;
      const home = `${its}/erase`;
      await api.asOperator('POST', `${its}/top-ups`, { amount: '5', idempotency_key: 'once' });
      const asked = { model: 'text-generation-standard', input: { prompt: 'hello' } };
      const headers = { ...tenant.as, 'idempotency-key': 'erased' };
      const accepted = await api.ask('POST', '/v1/executions', { headers, body: asked });
      expect(accepted.status).to.equal(202);
      const erasing = { confirm: tenant.organizationId, reason: 'the contract ended' };
      const refused = await api.asOperator('POST', home, erasing);
      expect([refused.status, codeOf(refused)]).to.deep.equal([409, 'CONFLICT']);
      expect(refused.text).to.contain('executions_not_over');
      const forced = await api.asOperator('POST', home, { ...erasing, force: true });
      expect(forced.status).to.equal(202);
    });

    it('have a name', async () => {
      for (const body of [{}, { name: '' }, { name: 'x'.repeat(201) }, { name: 1 }])
        expect((await api.asOperator('POST', organizations, body)).status).to.equal(400);
    });
  });

  describe('API keys', () => {
    let tenant: Tenant;
    let keys: string;

    beforeEach(async () => {
      tenant = await openTenant(api);
      keys = `${organizations}/${tenant.organizationId}/api-keys`;
    });

    const use = async (key: string) =>
      (
        await api.ask('POST', '/v1/executions', {
          headers: { authorization: `Bearer ${key}`, 'idempotency-key': 'k' },
          body: {},
        })
      ).status;

    it('are shown once', async () => {
      const asked = {
        name: 'ci',
        permission: 'EXECUTION_ONLY',
        expires_at: '2999-01-01T00:00:00Z',
      };
      const created = await api.asOperator('POST', keys, asked);
      expect(created.status).to.equal(201);
      const { id, key, created_at: createdAt, ...shown } = created.json as Record<string, string>;
      expect(id).to.match(/^key_[0-9a-f-]{36}$/);
      expect(key).to.match(/^sk_[0-9a-f]{64}_[0-9a-f]{8}$/);
      expect(createdAt).to.match(/Z$/);
      const unbound = { ip_allow_list: null, allowed_models: null, require: null };
      const expiry = { expires_at: '2999-01-01T00:00:00.000Z' };
      expect(shown).to.deep.equal({ ...asked, ...expiry, ...unbound });
      expect(await use(key ?? '')).to.equal(400);
    });

    it('are refused within a second of their revocation, and their place is free', async () => {
      const { json } = await api.asOperator('POST', keys, { name: 'gone soon' });
      const [id, key] = [json['id'] as string, json['key'] as string];
      expect(await use(key)).to.equal(400);
      expect((await api.asOperator('DELETE', `${keys}/${id}`)).status).to.equal(204);
      await eventually('the key to be refused', async () => (await use(key)) === 401, 1_000);
      expect((await api.asOperator('DELETE', `${keys}/${id}`)).status).to.equal(204);
      const facts = await store.readStream(streamOf('organization', tenant.organizationId));
      expect(facts.at(-1)).to.deep.include({ type: 'ApiKeyWithdrawn' });
      expect(facts.at(-1)?.data).to.deep.include({ keyId: id });
    });

    it('are at most 20, also when they are asked for at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 22 }, (_, n) => api.asOperator('POST', keys, { name: `k${n}` })),
      );
      const refused = answers.filter(({ status }) => status === 409);
      expect(answers.filter(({ status }) => status === 201)).to.have.length(19);
      expect(refused.map(codeOf)).to.deep.equal(['CONFLICT', 'CONFLICT', 'CONFLICT']);
    });

    it("are not another organization's to revoke", async () => {
      const foreign = await openTenant(api);
      const { json } = await api.asOperator('POST', keys, { name: 'mine' });
      const elsewhere = `${organizations}/${foreign.organizationId}/api-keys`;
      const id = String(json['id']);
      expect((await api.asOperator('DELETE', `${elsewhere}/${id}`)).status).to.equal(404);
      const madeUp = 'key_99999999-9999-4999-8999-999999999999';
      expect((await api.asOperator('DELETE', `${keys}/${madeUp}`)).status).to.equal(404);
      expect(await use(json['key'] as string)).to.equal(400);
    });

    it('need an organization, and an expiry that lies ahead', async () => {
      expect((await api.asOperator('POST', `${nobody}/api-keys`, { name: 'x' })).status).to.equal(
        404,
      );
      for (const moment of ['tomorrow', '2001-01-01T00:00:00Z', '2999-01-01']) {
        const asked = { name: 'x', expires_at: moment };
        expect((await api.asOperator('POST', keys, asked)).status).to.equal(400);
      }
    });
  });

  describe('quotas', () => {
    const usual = {
      waiting_executions: 200_000,
      storage_bytes: 20_000_000_000,
      weight: 1,
      file_ttl_days: 30,
      payload_ttl_days: null,
    };
    let tenant: Tenant;
    beforeEach(async () => {
      tenant = await openTenant(api);
    });
    const set = (body: unknown) =>
      api.asOperator('PATCH', `${organizations}/${tenant.organizationId}/quotas`, body);

    it('are set each by itself, and taken back with null', async () => {
      const { organizationId: organization_id } = tenant;
      expect((await set({})).json).to.deep.equal({ organization_id, ...usual });
      expect((await set({ weight: 7 })).json).to.deep.equal({
        organization_id,
        ...usual,
        weight: 7,
      });
      const stricter = await set({ waiting_executions: 3, storage_bytes: 1 });
      expect(stricter.json).to.deep.equal({
        organization_id,
        waiting_executions: 3,
        storage_bytes: 1,
        weight: 7,
        file_ttl_days: 30,
        payload_ttl_days: null,
      });
      const all = { waiting_executions: null, storage_bytes: null, weight: null };
      expect((await set(all)).json).to.deep.equal({ organization_id, ...usual });
      const facts = await store.readStream(streamOf('organization', tenant.organizationId));
      const quotas = facts.filter(({ type }) => type === 'OrganizationQuotasSet');
      expect(quotas).to.have.length(3);
      expect(quotas[0]?.data).to.deep.include({ weight: 7 });
      expect(quotas[0]?.metadata).to.deep.include({ actor: 'operator', ip: '127.0.0.1' });
    });

    it('are whole numbers within bounds, of an organization that exists', async () => {
      const wrong = [
        { weight: 0 },
        { weight: 101 },
        { weight: 1.5 },
        { weight: '2' },
        { waiting_executions: -1 },
        { waiting_executions: 1_000_001 },
        { storage_bytes: 2 ** 53 },
        { requests: 1 },
      ];
      for (const body of wrong)
        expect((await set(body)).status, JSON.stringify(body)).to.equal(400);
      expect((await api.asOperator('PATCH', `${nobody}/quotas`, { weight: 2 })).status).to.equal(
        404,
      );
    });
  });

  describe('money', () => {
    let home: string;
    let tenant: Tenant;

    beforeEach(async () => {
      tenant = await openTenant(api);
      home = `${organizations}/${tenant.organizationId}`;
    });

    const topUp = (amount: string, key?: string) =>
      api.asOperator('POST', `${home}/top-ups`, { amount, ...(key && { idempotency_key: key }) });

    it('arrives once under one key', async () => {
      const first = await topUp('12.50', 't1');
      expect(first.status).to.equal(201);
      expect(first.json).to.deep.equal({
        organization_id: tenant.organizationId,
        amount: '12.500',
        available: '12.500',
        held: '0.000',
        total: '12.500',
      });
      const again = await topUp('12.5', 't1');
      expect([again.status, again.text]).to.deep.equal([201, first.text]);
      expect(again.headers['idempotency-replayed']).to.equal('true');
      const other = await topUp('12.51', 't1');
      expect([other.status, codeOf(other)]).to.deep.equal([422, 'IDEMPOTENCY_MISMATCH']);
      expect(await accountEvents(store, tenant.organizationId)).to.have.length(1);
    });

    it('is never lost or doubled when the same top-up races', async () => {
      const answers = await Promise.all(Array.from({ length: 30 }, () => topUp('1', 'same')));
      expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
      expect(answers.filter(({ headers }) => !headers['idempotency-replayed'])).to.have.length(1);
    });

    it('is an amount', async () => {
      for (const amount of ['0', '-1', '1.0000001', '1e3', 'NaN', '1000000001', '01', '']) {
        const refused = await topUp(amount, 't');
        expect([refused.status, fieldOf(refused)], amount).to.deep.equal([400, 'amount']);
      }
      expect((await topUp('1')).status).to.equal(400);
      const elsewhere = { amount: '1', idempotency_key: 't' };
      expect((await api.asOperator('POST', `${nobody}/top-ups`, elsewhere)).status).to.equal(404);
    });

    it('is corrected, never below zero', async () => {
      await topUp('5', 't');
      const adjust = (amount: string, key: string) =>
        api.asOperator('POST', `${home}/adjustments`, {
          amount,
          reason: 'billed twice',
          idempotency_key: key,
        });
      expect((await adjust('-3.20', 'a1')).json).to.include({ available: '1.800' });
      expect((await adjust('-3.20', 'a1')).json).to.include({ available: '1.800' });
      const below = await adjust('-1.800001', 'a2');
      expect([below.status, codeOf(below)]).to.deep.equal([409, 'CONFLICT']);
      expect((await adjust('0', 'a3')).status).to.equal(400);
      expect((await adjust('0.2', 'a4')).json).to.include({ available: '2.000' });
    });
  });

  describe('operations', () => {
    it('delivers a dead letter again', async () => {
      const stop = new AbortController();
      const { organizationId } = await openTenant(api);
      const { bus } = api.commands;
      let works = false;
      let done = 0;
      const running = bus.run(
        {
          name: 'spec-group',
          categories: ['organization'],
          subscribesTo: ['OrganizationCreated'],
          concurrencyMax: 10,
          attemptsMax: 1,
          async handle({ stream }) {
            if (!works && stream.endsWith(organizationId)) throw new Error('not today');
            done += stream.endsWith(organizationId) ? 1 : 0;
            return 'done';
          },
        },
        stop.signal,
      );
      const [letter] = await eventually('the dead letter', async () => {
        const given = await bus.deadLetters('spec-group');
        return given.length > 0 ? given : undefined;
      });
      works = true;
      const { group, stream, revision } = letter ?? {};
      const body = { group, stream, revision };
      const redrive = () => api.asOperator('POST', '/admin/v1/dead-letters/redrive', body);
      expect((await redrive()).status).to.equal(204);
      await eventually('the notification to be handled', () => done === 1);
      await eventually(
        'it to be gone',
        async () => (await bus.deadLetters('spec-group')).length === 0,
      );
      expect((await redrive()).status).to.equal(404);
      stop.abort();
      await running;
    });
  });

  it('and all of the command API only writes', () => {
    const methods = commandRoutes(api.commands).map(({ method }) => method);
    expect(methods).not.to.include('GET');
  });
});
