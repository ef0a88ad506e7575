/** Reading money: the balance as of now, the ledger in pages and as CSV, the open holds. */
import { expect } from 'chai';
import type { OrganizationId } from '../../contracts/ids.js';
import { at, deposited, ORGANIZATION, storyOf } from '../../projectors/testing/kit.js';
import type { Client, LedgerEntry } from '../../testing/client.js';
import { openQueryServer, type QueryServer } from '../testing/kit.js';

const OTHER: OrganizationId = 'org_99999999-9999-4999-8999-999999999999';

describe('query API: billing', () => {
  let server: QueryServer;
  let api: Client;
  let stranger: Client;
  const [first, second] = [storyOf(), storyOf()];
  before(async () => {
    server = await openQueryServer();
    api = await server.tenant(ORGANIZATION);
    stranger = await server.tenant(OTHER);
    server.startProjecting();
    await server.models.append(deposited(0), first.held(1), first.settled(2));
    await server.models.append(second.held(3, 986_000n));
  });
  after(() => server?.close());

  it('tells the balance, and nothing of an account that is not there', async () => {
    expect(await api.balance()).to.deep.equal({
      available: '0.986',
      held: '0.010',
      total: '0.996',
    });
    expect(await stranger.balance()).to.deep.equal({
      available: '0.000',
      held: '0.000',
      total: '0.000',
    });
  });

  const amounts = async (query: string) =>
    (await api.all<LedgerEntry>(`/billing/ledger${query}`)).map(
      ({ type, amount, balance }) => `${type} ${amount} ${balance}`,
    );

  it('lists the entries newest first; their amounts add up to what is available', async () => {
    expect(await amounts('')).to.deep.equal([
      'HOLD -0.010 0.986',
      'SETTLEMENT -0.004 0.996',
      'RELEASE 0.010 1.000',
      'HOLD -0.010 0.990',
      'TOP_UP 1.000 1.000',
    ]);
    expect(await stranger.all('/billing/ledger')).to.deep.equal([]);
    const [entry] = await api.all<Record<string, unknown>>('/billing/ledger');
    expect(entry).to.have.all.keys('id', 'type', 'amount', 'balance', 'execution_id', 'created_at');
  });

  it('filters them, and gives them in pages', async () => {
    expect(await amounts('?type=HOLD')).to.deep.equal(['HOLD -0.010 0.986', 'HOLD -0.010 0.990']);
    expect(await amounts(`?execution_id=${first.executionId}`)).to.have.length(3);
    expect(await amounts(`?created_from=${at(1)}&created_to=${at(2)}`)).to.deep.equal([
      'HOLD -0.010 0.990',
    ]);
    interface Page {
      readonly data: readonly { readonly id: string }[];
      readonly next_cursor: string | null;
    }
    const ids: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const from: string = cursor && `&cursor=${cursor}`;
      const { body } = await api.call<Page>('GET', `/billing/ledger?limit=2${from}`);
      ids.push(...body.data.map(({ id }) => id));
      cursor = body.next_cursor;
    }
    expect(new Set(ids).size).to.equal(5);
    const whole = await api.all<{ readonly id: string }>('/billing/ledger');
    expect(ids).to.deep.equal(whole.map(({ id }) => id));
  });

  it('gives them as CSV to whom asks for it', async () => {
    const headers = { accept: 'text/csv' };
    const csv = await api.call('GET', '/billing/ledger', { headers });
    expect(csv.headers).to.include({
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="ledger.csv"',
    });
    const lines = csv.text.split('\r\n');
    expect(lines[0]).to.equal('id,created_at,type,amount,balance,execution_id');
    expect(lines.slice(1).map((line) => line.split(',').slice(1).join())).to.deep.equal([
      `${at(3)},HOLD,-0.010,0.986,${second.executionId}`,
      `${at(2)},SETTLEMENT,-0.004,0.996,${first.executionId}`,
      `${at(2)},RELEASE,0.010,1.000,${first.executionId}`,
      `${at(1)},HOLD,-0.010,0.990,${first.executionId}`,
      `${at(0)},TOP_UP,1.000,1.000,`,
      '',
    ]);
    const some = await api.call('GET', '/billing/ledger?type=HOLD&limit=1', { headers });
    expect(some.text.split('\r\n')).to.have.length(3);
  });

  it('lists the open holds', async () => {
    const { body } = await api.call('GET', '/billing/holds');
    expect(body).to.deep.equal({
      data: [
        {
          id: second.holdId,
          execution_id: second.executionId,
          amount: '0.010',
          created_at: at(3),
        },
      ],
      next_cursor: null,
    });
    expect(await stranger.all('/billing/holds')).to.deep.equal([]);
    const csv = await api.call('GET', '/billing/holds', { headers: { accept: 'text/csv' } });
    expect(csv.text).to.equal(
      'id,created_at,amount,execution_id\r\n' +
        `${second.holdId},${at(3)},0.010,${second.executionId}\r\n`,
    );
    expect(await api.all(`/billing/holds?execution_id=${first.executionId}`)).to.deep.equal([]);
    expect(await api.all(`/billing/holds?created_from=${at(3)}`)).to.have.length(1);
    expect(await api.all(`/billing/holds?created_to=${at(3)}`)).to.deep.equal([]);
  });

  it('is not for keys that may only execute', async () => {
    const executor = await server.tenant(ORGANIZATION, 'EXECUTION_ONLY');
    for (const path of ['/billing/balance', '/billing/ledger', '/billing/holds'])
      expect((await executor.call('GET', path)).status).to.equal(403);
    expect((await executor.call('GET', '/models')).status).to.equal(200);
  });

  it('shows spending guards and what is used, and the threshold of a low balance', async () => {
    const organizationId: OrganizationId = 'org_88888888-8888-4888-8888-888888888888';
    const keyId = 'key_88888888-8888-4888-8888-888888888888';
    const stream = `account-${organizationId}` as const;
    const own = storyOf(organizationId);
    const standing = { organizationId, availableAfter: 990_000n, heldAfter: 10_000n, at: at(2) };
    const organization = `organization-${organizationId}` as const;
    const named = { organizationId, name: 'Acme', at: at(0) };
    await server.models.append(
      { stream: organization, type: 'OrganizationCreated', data: named },
      { stream: organization, type: 'ApiKeyGranted', data: { organizationId, keyId, at: at(0) } },
      deposited(0, organizationId),
      own.held(1),
      {
        stream,
        type: 'SpendingGuardSet',
        data: { ...standing, setBy: 'operator', maxInFlight: 2 },
      },
      { stream, type: 'BalanceAlertSet', data: { ...standing, threshold: 990_001n } },
    );
    const owner = await server.tenant(organizationId);
    const unlimited = {
      daily_limit: null,
      monthly_limit: null,
      max_cost_per_execution: null,
      per_minute: null,
      max_in_flight: null,
    };
    const ofOrganization = {
      organization_id: organizationId,
      api_key_id: null,
      ...unlimited,
      max_in_flight: 2,
      set_by_operator: { ...unlimited, max_in_flight: 2 },
      set_by_owner: unlimited,
      used: { daily_limit: '0.000', monthly_limit: '0.000', per_minute: '0.000', max_in_flight: 1 },
    };
    const home = `/organizations/${organizationId}`;
    const guards = await owner.call('GET', '/billing/spending-guards');
    expect(guards.body).to.deep.equal(ofOrganization);
    const byOperator = await server.operator('GET', `${home}/spending-guards`);
    expect(byOperator.body).to.deep.equal(ofOrganization);
    const ofKey = await owner.call('GET', `/api-keys/${keyId}/spending-guards`);
    expect(ofKey.body).to.deep.include({ api_key_id: keyId, ...unlimited });
    const foreign = await api.call('GET', `/api-keys/${keyId}/spending-guards`);
    expect(foreign.status).to.equal(404);
    expect((await owner.call('GET', '/billing/balance-alert')).body).to.deep.equal({
      organization_id: organizationId,
      threshold: '0.990001',
      available: '0.990',
      is_low: true,
    });
  });
});
