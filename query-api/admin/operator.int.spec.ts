/** What operators read: tenants, projections, and what stands behind an execution. */
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import type { AnyEvent } from '../../contracts/events/all.js';
import { apiKeyIdOf, type OrganizationId } from '../../contracts/ids.js';
import { streamOf, type StreamName } from '../../contracts/streams.js';
import { openPostgresExports } from '../../infra/exports/postgres.js';
import { projections } from '../../projectors/projections.js';
import { eventually } from '../../testing/eventually.js';
import { at, deposited, type Fact, ORGANIZATION, storyOf } from '../../projectors/testing/kit.js';
import { openQueryServer, type QueryServer } from '../testing/kit.js';

interface Projection {
  readonly name: string;
  readonly state: string;
  readonly position: string;
  readonly head: string;
  readonly lag: string;
  readonly rebuild: { readonly requested: boolean };
  readonly checksum?: { readonly rows: string; readonly checksum: string };
}

describe('query API: the operator', () => {
  let server: QueryServer;
  before(async () => {
    server = await openQueryServer();
    await server.tenant(ORGANIZATION);
    await server.models.append({
      stream: streamOf('organization', ORGANIZATION),
      type: 'OrganizationCreated',
      data: { organizationId: ORGANIZATION, name: 'Acme', at: at(0) },
    });
    await server.models.append(deposited(1), storyOf().held(2));
    server.startProjecting();
  });
  after(() => server?.close());

  it('sees each export, how far it is and why it does not go on', async () => {
    const exports = openPostgresExports({ pool: server.models.pool });
    const list = async () => {
      const { body } = await server.operator<{ data: readonly Record<string, unknown>[] }>(
        'GET',
        '/exports',
      );
      return body.data[0];
    };
    const settings = { organizationId: ORGANIZATION, format: 'parquet', from: 0n } as const;
    const limits = { eventsMax: 2, delaySeconds: 60, hasOperators: false };
    await exports.set({ name: 'acme', sink: { folder: 'acme' }, ...settings, ...limits });
    expect(await list()).to.deep.include({ name: 'acme', state: 'beginning', exported_to: null });
    const [stored] = await exports.list();
    const { id } = stored!;
    await exports.begin(id, 0n, undefined);
    await eventually('its feed is there', async () => (await list())?.['lag_events'] === 4);
    expect(await list()).to.deep.include({ state: 'behind', exported_to: '0', error: null });
    await exports.fail(id, 'the S3 store cannot be used now', 5_000);
    expect(await list()).to.deep.include({
      state: 'failing',
      error: 'the S3 store cannot be used now',
    });
    expect(await exports.plan(id, 0n, 4n)).to.equal(true);
    expect(await exports.plan(id, 0n, 2n)).to.equal(false);
    const files = ['day=2026-11-27/hour=23/0000000000000001-0000000000000004.parquet'];
    const finished = { cursor: undefined, files };
    expect(await exports.finish(id, 0n, 4n, finished)).to.equal(true);
    expect(await exports.finish(id, 0n, 4n, finished)).to.equal(false);
    expect(await list()).to.deep.include({
      state: 'current',
      exported_to: '4',
      lag_events: 0,
      lag_seconds: 0,
      events: 4,
      files: 1,
      last_file: files[0],
      error: null,
      retry_at: null,
    });
    await exports.remove('acme');
  });

  it('sees every tenant with what stands on its account', async () => {
    const { status, body } = await server.operator('GET', '/organizations');
    expect(status).to.equal(200);
    expect(body).to.deep.equal({
      data: [
        {
          id: ORGANIZATION,
          name: 'Acme',
          created_at: at(0),
          available: '0.990',
          held: '0.010',
          api_keys: 1,
        },
      ],
      next_cursor: null,
    });
  });

  it('sees all that is set for one tenant, and what stands on it', async () => {
    const organization = { organization_id: ORGANIZATION };
    const { status, body } = await server.operator<Record<string, unknown>>(
      'GET',
      `/organizations/${ORGANIZATION}`,
    );
    expect(status).to.equal(200);
    const { quotas, spending_guards: guards, ...rest } = body;
    expect(rest).to.deep.equal({
      id: ORGANIZATION,
      name: 'Acme',
      created_at: at(0),
      erased_at: null,
      last_used_at: null,
      api_keys: 1,
      balance: { available: '0.990', held: '0.010', total: '1.000' },
      balance_alert: { ...organization, threshold: null, available: '0.990', is_low: false },
      rate_limit: { ...organization, requests_per_minute: 600, burst: 100 },
      requirements: { region: null, retention: null, training: null },
    });
    const asked = (path: string) => server.operator('GET', `/organizations/${ORGANIZATION}${path}`);
    expect(quotas).to.deep.equal((await asked('/quotas')).body);
    expect(guards).to.deep.equal((await asked('/spending-guards')).body);
    for (const id of ['x', 'org_00000000-0000-4000-8000-000000000000'])
      expect((await server.operator('GET', `/organizations/${id}`)).status, id).to.equal(404);
  });

  it('sees the rate limit of a tenant', async () => {
    const organization = { organization_id: ORGANIZATION };
    const path = `/organizations/${ORGANIZATION}`;
    const usual = { ...organization, requests_per_minute: 600, burst: 100 };
    expect((await server.operator('GET', `${path}/rate-limit`)).body).to.deep.equal(usual);
    await server.models.append({
      stream: streamOf('organization', ORGANIZATION),
      type: 'OrganizationQuotasSet',
      data: { organizationId: ORGANIZATION, requestsPerMinute: 0, at: at(2) },
    });
    const none = await server.operator('GET', `${path}/rate-limit`);
    expect(none.body).to.deep.equal({ ...usual, requests_per_minute: 0 });
    const unknown = 'org_00000000-0000-4000-8000-000000000000';
    const missing = await server.operator('GET', `/organizations/${unknown}/rate-limit`);
    expect(missing.status).to.equal(404);
  });

  it('sees the quotas of a tenant, and what is in use of them', async () => {
    const path = `/organizations/${ORGANIZATION}/quotas`;
    const usual = {
      waiting_executions: 200_000,
      storage_bytes: 20_000_000_000,
      weight: 1,
      file_ttl_days: 30,
      payload_ttl_days: null,
    };
    const used = { waiting_executions: 1, storage_bytes: 0 };
    const organization = { organization_id: ORGANIZATION };
    const first = await server.operator('GET', path);
    expect(first.body).to.deep.equal({ ...organization, ...usual, used });
    await server.models.append(
      {
        stream: streamOf('organization', ORGANIZATION),
        type: 'OrganizationQuotasSet',
        data: { organizationId: ORGANIZATION, waitingExecutions: 9, at: at(3) },
      },
      storyOf().requested(4),
    );
    const { body } = await server.operator('GET', path);
    expect(body).to.deep.equal({
      ...organization,
      ...usual,
      waiting_executions: 9,
      used: { ...used, storage_bytes: 9 },
    });
    const nobody = '/organizations/org_99999999-9999-4999-8999-999999999999/quotas';
    expect((await server.operator('GET', nobody)).status).to.equal(404);
    expect((await server.operator('GET', '/organizations/x/quotas')).status).to.equal(404);
  });

  it('sees how the projections are', async () => {
    await server.operator('GET', '/organizations'); // waits for the projections
    const read = async (query = '') =>
      (await server.operator<{ data: Projection[] }>('GET', `/projections${query}`)).body.data;
    const states = await read();
    expect(states.map(({ name, state, lag }) => [name, state, lag])).to.deep.equal(
      [...projections.map(({ name }) => name)].sort().map((name) => [name, 'running', '0']),
    );
    const holds = (await read('?checksum=true')).find(({ name }) => name === 'holds');
    expect(holds?.checksum?.rows).to.equal('1');
  });

  it('sees the keys of a tenant, and nothing that opens', async () => {
    const organizationId: OrganizationId = 'org_77777777-7777-4777-8777-777777777777';
    const path = `/organizations/${organizationId}/api-keys`;
    expect((await server.operator('GET', path)).status).to.equal(404);
    const append = (stream: StreamName, type: AnyEvent['type'], more: object) =>
      server.models.append({ stream, type, data: { organizationId, at: at(0), ...more } } as Fact);
    const stream = streamOf('organization', organizationId);
    await append(stream, 'OrganizationCreated', { name: 'Apex' });
    expect((await server.operator('GET', path)).body).to.deep.equal({
      data: [],
      next_cursor: null,
    });
    const expiries = ['2001-01-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z', undefined];
    const ids: string[] = [];
    for (const expiresAt of expiries) {
      const hash = createHash('sha256').update(`${expiresAt}`).digest('hex');
      const keyId = apiKeyIdOf(hash);
      const about = { name: 'ci', permission: 'EXECUTION_ONLY', hash, hint: 'abcd' };
      const expiry = expiresAt === undefined ? {} : { expiresAt };
      await append(streamOf('apiKey', keyId), 'ApiKeyCreated', { keyId, ...about, ...expiry });
      ids.push(keyId);
    }
    const [, , revoked = ''] = ids;
    await append(streamOf('apiKey', revoked), 'ApiKeyRevoked', { keyId: revoked });
    const { body, text } = await server.operator<{ data: { id: string }[] }>('GET', path);
    expect(body.data.sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id))).to.deep.equal(
      ids.slice(0, 2).map((id, index) => ({
        id,
        name: 'ci',
        permission: 'EXECUTION_ONLY',
        hint: 'abcd',
        created_at: at(0),
        status: index === 0 ? 'expired' : 'active',
        expires_at: expiries[index],
        ip_allow_list: null,
        allowed_models: null,
        require: null,
        last_used_at: null,
        rotated_at: null,
        previous_key_valid_until: null,
      })),
    );
    expect(text).not.to.match(/[0-9a-f]{64}/);
    expect((await server.operator('GET', '/organizations/org_1/api-keys')).status).to.equal(404);
  });

  it('and a tenant its own keys, a page at a time', async () => {
    const organizationId: OrganizationId = 'org_77777777-7777-4777-8777-777777777778';
    const append = (stream: StreamName, type: AnyEvent['type'], more: object) =>
      server.models.append({ stream, type, data: { organizationId, at: at(0), ...more } } as Fact);
    await append(streamOf('organization', organizationId), 'OrganizationCreated', { name: 'Apex' });
    const [key, other] = ['1', '2'].map((digit) => apiKeyIdOf(digit.repeat(64)));
    if (!key || !other) throw new Error('there are two');
    const about = { name: 'ci', permission: 'AUDITOR', hash: 'b'.repeat(64), hint: 'abcd' };
    for (const keyId of [key, other])
      await append(streamOf('apiKey', keyId), 'ApiKeyCreated', { keyId, ...about });
    const limits = {
      ipAllowList: ['127.0.0.0/8'],
      allowedModels: ['a'],
      require: { region: 'eu' },
    };
    await append(streamOf('apiKey', key), 'ApiKeyChanged', { keyId: key, name: 'cd', ...limits });
    const rotation = { hash: 'a'.repeat(64), hint: 'efgh', previousValidUntil: at(3_600) };
    await append(streamOf('apiKey', key), 'ApiKeyRotated', { keyId: key, ...rotation });
    await server.models.pool.query(
      'INSERT INTO processing.api_key_uses (key_id, used_at) VALUES ($1, $2)',
      [key, at(60)],
    );
    const tenant = await server.tenant(organizationId);
    type Page = { data: { id: string }[]; next_cursor: string | null };
    const first = (await tenant.call<Page>('GET', '/api-keys?limit=2')).body;
    const rest = `/api-keys?limit=2&cursor=${first.next_cursor}`;
    const { data, next_cursor: end } = (await tenant.call<Page>('GET', rest)).body;
    expect([first.data.length, data.length, end]).to.deep.equal([2, 1, null]);
    const own = [...first.data, ...data];
    expect(own.find(({ id }) => id === key)).to.deep.include({
      name: 'cd',
      hint: 'efgh',
      status: 'active',
      ip_allow_list: ['127.0.0.0/8'],
      allowed_models: ['a'],
      require: { region: 'eu' },
      last_used_at: at(60),
      rotated_at: at(0),
      previous_key_valid_until: at(3_600),
    });
  });

  it('sees what processors gave up on, and how far they are', async () => {
    const stop = new AbortController();
    const running = server.bus.run(
      {
        name: 'spec-group',
        categories: ['account'],
        subscribesTo: ['FundsDeposited'],
        concurrencyMax: 1,
        attemptsMax: 1,
        handle: () => Promise.reject(new Error('not today')),
      },
      stop.signal,
    );
    interface Operated {
      readonly data: readonly Record<string, unknown>[];
    }
    const read = async (path: string) => (await server.operator<Operated>('GET', path)).body.data;
    const [letter] = await eventually('the dead letter', async () => {
      const data = await read('/dead-letters?group=spec-group');
      return data.length > 0 ? data : undefined;
    });
    expect(letter).to.deep.include({ group: 'spec-group', revision: 0, attempts: 1 });
    expect(letter?.['stream']).to.equal(`account-${ORGANIZATION}`);
    expect(letter?.['error']).to.contain('not today');
    expect(await read('/dead-letters?group=other')).to.deep.equal([]);
    const group = (await read('/groups')).find((one) => one['group'] === 'spec-group');
    expect(group).to.deep.include({ parked: 1 });
    stop.abort();
    await running;
  });

  it('reads each list page by page', async () => {
    type Page = { data: readonly Record<string, unknown>[]; next_cursor: string | null };
    const paged = async (path: string) => {
      const data: Record<string, unknown>[] = [];
      let next = '';
      do {
        const { body } = await server.operator<Page>('GET', `${path}?limit=1${next}`);
        expect(body.data.length).to.be.at.most(1);
        data.push(...body.data);
        next = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
      } while (next !== '');
      return data;
    };
    const lists = ['/projections', '/exports', '/dead-letters', '/groups', '/providers'];
    for (const path of [...lists, '/operator-keys']) {
      const whole = (await server.operator<Page>('GET', `${path}?limit=1000`)).body;
      expect(whole.next_cursor).to.equal(null);
      expect(namesIn(await paged(path)), path).to.deep.equal(namesIn(whole.data));
    }
  });

  it('and all of the query API only reads', () => {
    const methods = new Set(server.routes.map(({ method }) => method));
    expect([...methods]).to.deep.equal(['GET']);
  });

  it("sees an execution's attempts with their providers", async () => {
    const story = storyOf();
    await server.models.append(story.requested(0), story.dispatched(1), story.failedOnce(2));
    await server.models.append(story.dispatched(3, 2), story.unknown(4), story.failed(5));
    const { status, body } = await server.operator('GET', `/executions/${story.executionId}`);
    expect(status).to.equal(200);
    const shown = body as unknown as {
      execution: { status: string };
      attempts: Record<string, unknown>[];
      events: { type: string }[];
    };
    expect(shown.execution.status).to.equal('FAILED');
    const first = shown.attempts[0];
    expect(first).to.include({
      attempt: 1,
      provider: 'aurora',
      route: 'text/aurora',
      outcome: 'unknown',
      dispatched_at: at(1),
      ended_at: at(4),
      code: 'MODEL_OVERLOADED',
    });
    expect(shown.events.map(({ type }) => type)).to.deep.equal([
      'ExecutionRequested',
      'ProviderDispatched',
      'ProviderFailed',
      'ProviderDispatched',
      'ProviderOutcomeUnknown',
      'ExecutionFailed',
    ]);
    const routing = await server.operator('GET', `/executions/${story.executionId}/routing`);
    const { decisions } = routing.body as unknown as { decisions: Record<string, unknown>[] };
    expect(decisions.map(({ attempt, route }) => [attempt, route])).to.deep.equal([
      [1, 'text/aurora'],
      [2, 'text/aurora'],
    ]);
    const made = 'exec_00000000-0000-4000-8000-000000000000';
    expect((await server.operator('GET', `/executions/${made}/routing`)).status).to.equal(404);
    expect((await server.operator('GET', `/executions/${made}`)).status).to.equal(404);
  });
});

/** How far a projection is may change from one page to the next. */
const namesIn = (items: readonly Record<string, unknown>[]) =>
  items.map(({ name, group, stream, provider, id }) => [name, group, stream, provider, id]);
