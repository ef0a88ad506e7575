import { expect } from 'chai';
import type { ErrorDetail } from '../../contracts/error-codes.js';
import { createMemoryLog, openMemoryEventStore } from '../../infra/event-store/testing/memory.js';
import {
  accountEvents,
  openCommandApi,
  openTenant,
  type Answer,
  type CommandApi,
  type Tenant,
} from '../testing/kit.js';

/** Each is held at the least that a hold is: a cent. */
const asks = { model: 'text-generation-standard', input: { prompt: 'Rivers', max_tokens: 16 } };

describe('spending guards over HTTP', () => {
  let apis: readonly [CommandApi, CommandApi];

  before(async () => {
    const memory = createMemoryLog();
    const open = () => openCommandApi(openMemoryEventStore({ memory }));
    apis = [await open(), await open()];
  });
  after(async () => {
    for (const api of apis) {
      await api.close();
      await api.commands.store.close();
    }
  });

  let serial = 0;
  const post = ({ as }: Tenant, via = 0): Promise<Answer> => {
    const headers = { ...as, 'idempotency-key': `key-${++serial}` };
    return apis[via as 0 | 1].ask('POST', '/v1/executions', { headers, body: asks });
  };
  const detailsOf = ({ json }: Answer) =>
    (json as { error: { details?: readonly ErrorDetail[] } }).error.details ?? [];
  const guard = (tenant: Tenant, limits: object, path = '') => {
    const home = `/admin/v1/organizations/${tenant.organizationId}${path}/spending-guards`;
    return apis[0].asOperator('PATCH', home, limits);
  };
  const guardAsOwner = ({ as: headers }: Tenant, body: object, path = '/billing') =>
    apis[0].ask('PATCH', `/v1${path}/spending-guards`, { headers, body });
  const keyOf = async ({ organizationId }: Tenant) => {
    const { store } = apis[0].commands;
    const events = await store.readStream(`organization-${organizationId}`);
    const granted = events.find(({ type }) => type === 'ApiKeyGranted');
    return (granted?.data as { keyId: string }).keyId;
  };

  it('let exactly as many of 500 racing submissions pass as fit, of two processes', async () => {
    const tenant = await openTenant(apis[0], '100.00');
    expect((await guard(tenant, { daily_limit: '1.239999' })).status).to.equal(200);
    const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => post(tenant, n % 2)));
    const refused = answers.filter(({ status }) => status === 402);
    expect(answers.filter(({ status }) => status === 202)).to.have.length(123);
    expect(refused).to.have.length(377);
    for (const one of refused)
      expect(detailsOf(one).map(({ code, scope }) => [code, scope])).to.deep.equal([
        ['daily_limit', 'organization'],
      ]);
    const state = await apis[1].commands.accountStates.read(tenant.organizationId);
    expect([state.held, state.holds.size]).to.deep.equal([1_230_000n, 123]);
  });

  for (const [limits, code] of [
    [{ daily_limit: '0.015' }, 'daily_limit'],
    [{ monthly_limit: '0.015' }, 'monthly_limit'],
    [{ per_minute: '0.015' }, 'per_minute'],
    [{ max_in_flight: 1 }, 'max_in_flight'],
  ] as const)
    it(`name ${code} of a key when it refuses`, async () => {
      const tenant = await openTenant(apis[0], '100.00');
      const path = `/api-keys/${await keyOf(tenant)}`;
      expect((await guard(tenant, limits, path)).status).to.equal(200);
      expect((await post(tenant)).status).to.equal(202);
      const refused = await post(tenant);
      expect([refused.status, refused.json['error']]).to.deep.include(402);
      expect(detailsOf(refused)).to.have.length(1);
      expect(detailsOf(refused)[0]).to.include({ code, scope: 'key' });
    });

  it('show what is in force, who set it and what is used', async () => {
    const tenant = await openTenant(apis[0], '100.00');
    await post(tenant);
    await guard(tenant, { daily_limit: '5', max_in_flight: 7 });
    const { status, json } = await guardAsOwner(tenant, { daily_limit: '4', per_minute: '3.5' });
    const none = {
      daily_limit: null,
      monthly_limit: null,
      max_cost_per_execution: null,
      per_minute: null,
      max_in_flight: null,
    };
    expect(status).to.equal(200);
    expect(json).to.deep.equal({
      organization_id: tenant.organizationId,
      api_key_id: null,
      ...none,
      daily_limit: '4.000',
      per_minute: '3.500',
      max_in_flight: 7,
      set_by_operator: { ...none, daily_limit: '5.000', max_in_flight: 7 },
      set_by_owner: { ...none, daily_limit: '4.000', per_minute: '3.500' },
      used: { daily_limit: '0.010', monthly_limit: '0.010', per_minute: '0.010', max_in_flight: 1 },
    });
  });

  it('are not raised by owners above what the operator set; null gives theirs up', async () => {
    const tenant = await openTenant(apis[0], '100.00');
    await guard(tenant, { daily_limit: '5' });
    const raised = await guardAsOwner(tenant, { daily_limit: '5.000001' });
    expect([raised.status, (raised.json['error'] as { code: string }).code]).to.deep.equal([
      403,
      'FORBIDDEN',
    ]);
    expect((await guardAsOwner(tenant, { daily_limit: '5' })).status).to.equal(200);
    const given = await guardAsOwner(tenant, { daily_limit: null });
    expect(given.json['daily_limit']).to.equal('5.000');
    expect((await guard(tenant, { daily_limit: null })).json['daily_limit']).to.equal(null);
  });

  it('are events with their actor, one a change', async () => {
    const tenant = await openTenant(apis[0], '100.00');
    const keyId = await keyOf(tenant);
    await guard(tenant, { daily_limit: '5' });
    await guard(tenant, { daily_limit: '5' });
    await guardAsOwner(tenant, { max_in_flight: 3 }, `/api-keys/${keyId}`);
    const events = await accountEvents(apis[0].commands.store, tenant.organizationId);
    const set = events.filter(({ type }) => type === 'SpendingGuardSet');
    expect(set.map(({ data, metadata }) => [metadata.actor, data])).to.deep.equal([
      [
        'operator',
        {
          organizationId: tenant.organizationId,
          setBy: 'operator',
          dailyLimit: 5_000_000n,
          at: set[0]?.data.at,
          availableAfter: 100_000_000n,
          heldAfter: 0n,
        },
      ],
      [
        keyId,
        {
          organizationId: tenant.organizationId,
          apiKeyId: keyId,
          setBy: 'owner',
          maxInFlight: 3,
          at: set[1]?.data.at,
          availableAfter: 100_000_000n,
          heldAfter: 0n,
        },
      ],
    ]);
  });

  it('are not found for a key of another organization, nor for one that is not there', async () => {
    const [one, other] = [await openTenant(apis[0]), await openTenant(apis[0])];
    const foreign = `/api-keys/${await keyOf(other)}`;
    const madeUp = '/api-keys/key_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44';
    for (const path of [foreign, madeUp, '/api-keys/nonsense']) {
      expect((await guardAsOwner(one, { max_in_flight: 1 }, path)).status, path).to.equal(404);
      expect((await guard(one, { max_in_flight: 1 }, path)).status, path).to.equal(404);
    }
  });

  it('take no amounts below zero, and no fields that there are not', async () => {
    const tenant = await openTenant(apis[0]);
    for (const limits of [
      { daily_limit: '-1' },
      { daily_limit: 1 },
      { max_in_flight: -1 },
      { max_in_flight: 1.5 },
      { hourly_limit: '1' },
    ])
      expect((await guardAsOwner(tenant, limits)).status, JSON.stringify(limits)).to.equal(400);
  });
});

describe('a low balance over HTTP', () => {
  let api: CommandApi;
  before(async () => {
    api = await openCommandApi(openMemoryEventStore({ memory: createMemoryLog() }));
  });
  after(async () => {
    await api.close();
    await api.commands.store.close();
  });

  it('has a threshold that owner and operator set and take away', async () => {
    const tenant = await openTenant(api, '10.00');
    const { organizationId, as: headers } = tenant;
    const set = (threshold: string | null) =>
      api.ask('PUT', '/v1/billing/balance-alert', { headers, body: { threshold } });
    expect((await set('10.00')).json).to.deep.equal({
      organization_id: organizationId,
      threshold: '10.000',
      available: '10.000',
      is_low: false,
    });
    const key = { ...headers, 'idempotency-key': 'one' };
    await api.ask('POST', '/v1/executions', { headers: key, body: asks });
    const events = await accountEvents(api.commands.store, organizationId);
    expect(events.map(({ type }) => type)).to.deep.equal([
      'FundsDeposited',
      'BalanceAlertSet',
      'HoldPlaced',
      'BalanceRanLow',
    ]);
    expect(events[3]?.data).to.deep.include({
      threshold: 10_000_000n,
      availableAfter: 9_990_000n,
    });
    const home = `/admin/v1/organizations/${organizationId}/balance-alert`;
    expect((await api.asOperator('PUT', home, { threshold: '3' })).json['is_low']).to.equal(false);
    expect((await set(null)).json['threshold']).to.equal(null);
    expect((await set('-1')).status).to.equal(400);
  });
});
