/** Two processes' limiters over one database; and what a caller of a server sees. */
import { expect } from 'chai';
import { pino } from 'pino';
import { processingMigrations } from '../../infra/migrations/all.js';
import { migratedPool } from '../../infra/postgres/testing/migrated-pool.js';
import { openPostgresRequestLimits } from '../../infra/request-limits/postgres.js';
import { openRateLimits, type RateLimits } from './rate-limits.js';
import { Refusal, type Caller, type Route } from './route.js';
import { openTestServer, type TestServer } from './testing/kit.js';

const log = pino({ level: 'silent' });

const limitedTo = (requestsPerMinute: number, requestBurst: number, shared?: RateShared) =>
  openRateLimits({
    quotas: { requestRateOf: () => ({ requestsPerMinute, requestBurst }) },
    usual: { requestsPerMinute: 600, requestBurst: 100 },
    shared,
    log,
  });

type RateShared = ReturnType<typeof openPostgresRequestLimits>;

describe('rate limits of two processes over one database', () => {
  const database = migratedPool(processingMigrations);
  const caller = (n: number): Caller => ({
    organizationId: `org_${n}`,
    keyId: `key_${n}`,
    permission: 'FULL',
  });
  const open = async (requestsPerMinute: number, burst: number) => {
    const pool = await database();
    return [1, 2].map(() =>
      limitedTo(requestsPerMinute, burst, openPostgresRequestLimits({ pool })),
    );
  };
  const admitted = async (limits: RateLimits | undefined, as: Caller, times: number) => {
    const admissions = await Promise.all(
      Array.from({ length: times }, async () => limits?.admit(as)),
    );
    return admissions.filter((admission) => admission?.isRefused !== true).length;
  };

  it('admit what the limit is of 1,000 that race, and refuse none before', async () => {
    const processes = await open(100, 100);
    const counts = await Promise.all(processes.map((one) => admitted(one, caller(1), 500)));
    expect(counts.reduce((sum, count) => sum + count)).to.be.within(100, 112);
  });

  it('let the burst through whichever of them is asked', async () => {
    const [one, other] = await open(60, 50);
    expect(await admitted(one, caller(2), 1)).to.equal(1);
    expect(await admitted(other, caller(2), 49)).to.equal(49);
    expect(await admitted(one, caller(2), 50)).to.be.at.most(2);
  });
});

describe('rate limits of a server', () => {
  const route = (path: string, answer: Route['handle']): Route => ({
    method: 'POST',
    path,
    operationId: `post${path.slice(1)}`,
    summary: path,
    description: path,
    tag: 'things',
    audience: 'tenant',
    permission: 'executions:write',
    bodySchema: { type: 'object' },
    replySchemas: { 200: { type: 'object' } },
    handle: answer,
  });
  let server: TestServer;
  beforeEach(async () => {
    server = await openTestServer({
      routes: [
        route('/things', async () => ({ status: 200, body: {} })),
        route('/nothing', async () => new Refusal('NOT_FOUND')),
      ],
      rateLimits: limitedTo(6, 6),
    });
  });
  afterEach(() => server.close());

  const remaining = async (path: string, body: string | object, method = 'POST') => {
    const { status, headers } = await server.ask(method, path, { body });
    return [status, headers['x-ratelimit-remaining']];
  };

  it('are in every answer to a key, whatever it is', async () => {
    expect(await remaining('/v1/things', {})).to.deep.equal([200, '5']);
    expect(await remaining('/v1/nothing', {})).to.deep.equal([404, '4']);
    expect(await remaining('/v1/things', '{')).to.deep.equal([400, '3']);
    expect(await remaining('/v1/unheard-of', {})).to.deep.equal([404, '2']);
    expect(await remaining('/v1/things', {}, 'PUT')).to.deep.equal([405, '1']);
    expect(await remaining('/api/v1/things', {})).to.deep.equal([200, '0']);
    expect(await remaining('/v1/unheard-of', {})).to.deep.equal([429, '0']);
  });

  it('refuse before the body is read, so that the refusal can be read all the same', async () => {
    for (let n = 0; n < 6; n++) await server.ask('POST', '/v1/things', { body: {} });
    const { status, headers, json } = await server.ask('POST', '/v1/things', {
      body: Buffer.alloc(4 * 1024 * 1024, 'x'),
    });
    expect([status, headers['retry-after'], headers['ratelimit']]).to.deep.equal([
      429,
      '10',
      '"organization";r=0;t=10',
    ]);
    expect(json).to.have.nested.property('error.code', 'RATE_LIMITED');
    expect(json).to.have.nested.property('error.details[0].code', 'organization_rate_limit');
  });

  it('say nothing to whom nobody knows', async () => {
    for (const path of ['/v1/things', '/v1/unheard-of']) {
      const headers = { authorization: 'Bearer sk_none' };
      const answer = await server.ask('POST', path, { headers, body: {} });
      expect(answer.status).to.equal(path === '/v1/things' ? 401 : 404);
      expect(answer.headers).not.to.have.property('x-ratelimit-limit');
    }
  });
});
