import { expect } from 'chai';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import type { ExecutionId } from '../../contracts/ids.js';
import { openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import type { EventStore } from '../../infra/event-store/port.js';
import { eventually } from '../../testing/eventually.js';
import { executionEvents, openCommandApi, openTenant } from '../testing/kit.js';
import type { Answer, CommandApi, Tenant } from '../testing/kit.js';

const text = { model: 'text-generation-standard', input: { prompt: 'Rivers', max_tokens: 16 } };

describe('a submission is bound by its key and its organization', () => {
  let store: EventStore;
  let api: CommandApi;
  let tenant: Tenant;
  let serial = 0;

  before(async () => {
    store = openMemoryEventStore();
    api = await openCommandApi(store);
  });
  beforeEach(async () => {
    tenant = await openTenant(api, '100.00');
  });
  after(async () => {
    await api.close();
    await store.close();
  });

  const keyWith = async (limits: object) => {
    const body = { name: 'x', ...limits };
    const { json } = await api.ask('POST', '/v1/api-keys', { headers: tenant.as, body });
    return { authorization: `Bearer ${String(json['key'])}` };
  };
  const post = (as: object, body: object, path = '', key = `key-${++serial}`) =>
    api.ask('POST', `/v1/executions${path}`, { headers: { ...as, 'idempotency-key': key }, body });
  const requiredBy = async ({ status, json, text: answer }: Answer) => {
    expect(status, answer).to.equal(202);
    const [event] = await executionEvents(store, json['id'] as ExecutionId);
    return (event?.data as ExecutionRequested['data']).require;
  };
  const detailsOf = ({ status, json }: Answer) => {
    const { details = [] } = (json as { error: { details?: { field: string; code: string }[] } })
      .error;
    return [status, ...details.map(({ field, code }) => `${field}: ${code}`)];
  };

  it('to its models, fallback models too: a 403 names each that is not allowed', async () => {
    const as = await keyWith({ allowed_models: ['text-generation-standard'] });
    expect((await post(as, text)).status).to.equal(202);
    const other = { ...text, model: 'text-reasoning' };
    for (const path of ['', '/estimate'])
      expect(detailsOf(await post(as, other, path))).to.deep.equal([
        403,
        'model: model_not_allowed',
      ]);
    const withFallback = { ...text, fallback_models: ['text-reasoning'] };
    expect(detailsOf(await post(as, withFallback))).to.deep.equal([
      403,
      'fallback_models[0]: model_not_allowed',
    ]);
    expect((await post(tenant.as, withFallback, '', 'shared')).status).to.equal(202);
    expect((await post(as, withFallback, '', 'shared')).status).to.equal(403);
  });

  it('to what is required: the strictest of all is recorded', async () => {
    const requirements = { training: 'never' };
    const set = { headers: tenant.as, body: requirements };
    const { status, json } = await api.ask('PUT', '/v1/requirements', set);
    expect([status, json]).to.deep.equal([
      200,
      { region: null, retention: null, training: 'never' },
    ]);
    const as = await keyWith({ require: { region: 'eu' } });
    expect(await requiredBy(await post(as, text))).to.deep.equal({
      region: 'eu',
      training: 'never',
    });
    const own = { ...text, require: { region: 'eu-west', retention: 'none' } };
    expect(await requiredBy(await post(as, own))).to.deep.equal({
      ...own.require,
      ...requirements,
    });
    await eventually('the organization requires it', async () => {
      const required = await requiredBy(await post(tenant.as, text));
      return required?.training === 'never' ? true : undefined;
    });
    const elsewhere = { ...text, require: { region: 'us' } };
    for (const path of ['', '/estimate'])
      expect(detailsOf(await post(as, elsewhere, path))).to.deep.equal([
        400,
        'require.region: conflict',
      ]);
  });

  it('which a key that is bound itself cannot loosen for all', async () => {
    const as = await keyWith({ require: { region: 'eu' } });
    const put = (body: object) => api.ask('PUT', '/v1/requirements', { headers: as, body });
    expect(detailsOf(await put({}))).to.deep.equal([403, 'require: beyond_own']);
    expect((await put({ region: 'eu-west' })).status).to.equal(200);
  });

  it('and by what operators require of the organization', async () => {
    const path = `/admin/v1/organizations/${tenant.organizationId}/requirements`;
    expect((await api.asOperator('PUT', path, { region: 'eu' })).status).to.equal(200);
    const as = await keyWith({});
    expect(await requiredBy(await post(as, text))).to.deep.equal({ region: 'eu' });
    const nobody = '/admin/v1/organizations/org_99999999-9999-4999-8999-999999999999/requirements';
    expect((await api.asOperator('PUT', nobody, {})).status).to.equal(404);
  });
});
