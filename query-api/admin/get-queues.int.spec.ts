import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import type { OrganizationId } from '../../contracts/ids.js';
import { openRepositories } from '../../command-handling/repositories.js';
import { openProcessReports } from '../../infra/process-reports/postgres.js';
import { openPostgresWaitingExecutions } from '../../infra/waiting-executions/postgres.js';
import { openQueryServer, type QueryServer } from '../testing/kit.js';

const TEXT = 'text-generation-standard';

interface Queues {
  readonly providers: {
    provider: string;
    slots_used: number;
    slots: number;
    shares: { instance: string; in_flight: number; slots: number }[];
    circuit: string;
  }[];
  readonly models: {
    model: string;
    waiting: number;
    oldest_seconds: number;
    organizations: { organization_id: string; waiting: number }[];
  }[];
}

describe('the queues that an operator sees', function () {
  this.timeout(60_000);
  let server: QueryServer;

  before(async () => {
    server = await openQueryServer();
  });
  after(() => server.close());

  const read = async () => (await server.operator<Queues>('GET', '/queues')).body;
  const ofModel = async (slug: string) => (await read()).models.find(({ model }) => model === slug);
  const ofProvider = async (slug: string) =>
    (await read()).providers.find(({ provider }) => provider === slug);

  it('are empty while nothing waits', async () => {
    expect(await ofModel(TEXT)).to.deep.equal({
      model: TEXT,
      waiting: 0,
      oldest_seconds: 0,
      organizations: [],
    });
    const aurora = await ofProvider('aurora-chat');
    expect(aurora).to.include({ slots_used: 0, circuit: 'closed' });
    expect(aurora?.slots).to.be.above(0);
  });

  it('show rows and what waits in memory, and the ten organizations with most rows', async () => {
    const pool = server.models.pool;
    const organizations = Array.from({ length: 12 }, (): OrganizationId => `org_${randomUUID()}`);
    const sinceMs = Date.now() - 90_000;
    const rows = organizations.flatMap((organizationId, index) =>
      Array.from({ length: index + 1 }, () => ({
        executionId: `exec_${randomUUID()}` as const,
        organizationId,
        queue: index % 2 === 0 ? TEXT : `${TEXT} aurora-chat`,
        cause: 'spec',
        sinceMs,
      })),
    );
    await openPostgresWaitingExecutions({ pool }).add(rows);
    const reports = openProcessReports({ pool });
    const slots = (await ofProvider('aurora-chat'))?.slots ?? 0;
    const waiting = [{ model: TEXT, waiting: 5, oldestSinceMs: Date.now() }];
    const busy = { provider: 'aurora-chat', inUse: 3, circuit: 'closed' as const };
    await reports.save('one', { providers: [{ ...busy, slots: 4 }], waiting });
    await reports.save('two', { providers: [{ ...busy, circuit: 'open' }], waiting: [] });
    const text = await ofModel(TEXT);
    expect(text).to.include({ model: TEXT, waiting: rows.length + 5 });
    expect(text?.oldest_seconds).to.be.within(90, 120);
    expect(text?.organizations).to.deep.equal(
      organizations
        .map((id, index) => ({ organization_id: id, waiting: index + 1 }))
        .reverse()
        .slice(0, 10),
    );
    expect(await ofProvider('aurora-chat')).to.deep.equal({
      provider: 'aurora-chat',
      slots_used: 6,
      slots,
      shares: [
        { instance: 'one', in_flight: 3, slots: 4 },
        { instance: 'two', in_flight: 3, slots },
      ],
      circuit: 'open',
    });
  });

  it('show what rests, as the process sees it to which it looks worst', async () => {
    const reports = openProcessReports({ pool: server.models.pool });
    const restsUntilMs = Date.now() + 60_000;
    const only: OrganizationId = `org_${randomUUID()}`;
    const route = 'flux-1.1-pro/borealis-images';
    const calm = { circuit: 'closed' } as const;
    const resting = { circuit: 'open', restsUntilMs } as const;
    const report = (aurora: object, borealis: object) => ({
      providers: [
        { provider: 'aurora-images', inUse: 2, slots: 5, ...calm, ...aurora },
        { provider: 'borealis-images', inUse: 1, ...calm, ...borealis },
      ],
      waiting: [],
    });
    const routes = [{ route, ...resting, restsOnlyFor: only }];
    await reports.save(randomUUID(), report(resting, { routes }));
    await reports.save(randomUUID(), report({}, {}));
    const { body } = await server.operator<{ data: readonly Record<string, unknown>[] }>(
      'GET',
      '/providers',
    );
    const of = (slug: string) => body.data.find(({ provider }) => provider === slug);
    const rests_until = new Date(restsUntilMs).toISOString();
    const shares = of('aurora-images')?.['shares'] as readonly { slots: number }[];
    expect(shares.map(({ slots }) => slots)).to.deep.equal([5, 5]);
    expect(of('aurora-images')).to.deep.include({
      in_flight: 4,
      circuit: 'open',
      rests_until,
      rests_only_for: null,
    });
    expect(of('borealis-images')).to.include({
      in_flight: 2,
      circuit: 'closed',
      rests_until: null,
    });
    const ofRoutes = of('borealis-images')?.['routes'] as readonly { route: string }[];
    expect(ofRoutes.find((one) => one.route === route)).to.deep.equal({
      route,
      model: 'flux-1.1-pro',
      circuit: 'open',
      rests_until,
      rests_only_for: only,
      held_open: null,
    });
  });

  it('show what an operator holds open, also while no process calls there', async () => {
    const { providerCircuits } = openRepositories(server.models.store);
    const provider = 'lyra-films';
    const at = new Date().toISOString();
    const until = new Date(Date.now() + 60_000).toISOString();
    const data = { provider, foundBy: 'operator', byOperator: true, at, until };
    await providerCircuits.transact(
      provider,
      { type: 'Open', data },
      {
        actor: 'operator',
        correlationId: 'req_spec',
        causationId: 'req_spec',
      },
    );
    expect(await ofProvider(provider)).to.include({ circuit: 'open' });
    const { body } = await server.operator<{ data: readonly { provider: string }[] }>(
      'GET',
      '/providers',
    );
    expect(body.data.find((one) => one.provider === provider)).to.deep.include({
      circuit: 'open',
      rests_until: until,
      held_open: { until, since: at, by: 'operator' },
    });
  });
});
