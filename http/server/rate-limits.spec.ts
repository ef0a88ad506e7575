import { expect } from 'chai';
import type { RequestRate } from '../../contracts/events/organization.js';
import { openMemoryRequestLimits } from '../../infra/request-limits/testing/memory.js';
import type { RequestLimits } from '../../infra/request-limits/port.js';
import { rateLimitHeaders, rateRefusal } from './rate-limit-headers.js';
import { openRateLimits, type Admission, type RateLimits } from './rate-limits.js';
import type { Caller } from './route.js';

const caller: Caller = { organizationId: 'org_1', keyId: 'key_1', permission: 'FULL' };
const usual: RequestRate = { requestsPerMinute: 600, requestBurst: 100 };

interface Bench {
  readonly limits: RateLimits;
  set: Partial<RequestRate>;
  nowMs: number;
  readonly warned: string[];
}

/** One process; `shared` is what it has in common with others. */
function openBench(shared?: RequestLimits, clock?: { nowMs: number }): Bench {
  const warned: string[] = [];
  const log = { info: () => undefined, warn: (_: object, text: string) => warned.push(text) };
  const bench: { set: Partial<RequestRate>; nowMs: number } = { set: {}, nowMs: 0 };
  const limits = openRateLimits({
    quotas: { requestRateOf: () => bench.set },
    usual,
    shared,
    log: log as never,
    clock: () => (clock ?? bench).nowMs,
  });
  return Object.assign(bench, { limits, warned });
}

const isAdmitted = (admission: Admission | undefined) => admission?.isRefused !== true;

async function admitted(limits: RateLimits, times: number, as = caller): Promise<number> {
  const answers = Array.from({ length: times }, () => limits.admit(as));
  const admissions: (Admission | undefined)[] = [];
  for (const answer of answers) admissions.push(await answer);
  return admissions.filter(isAdmitted).length;
}

/** In this very turn. */
function atOnce(limits: RateLimits, as = caller): Admission {
  const admission = limits.admit(as);
  if (!admission || admission instanceof Promise) return expect.fail('not decided at once');
  return admission;
}

const headersOf = (admission: Admission) => {
  const list = rateLimitHeaders(admission);
  return Object.fromEntries(list.flatMap((name, n) => (n % 2 ? [] : [[name, list[n + 1]]])));
};

describe('rate limits of the only process', () => {
  it('let the burst through, then the limit, and say when to come again', async () => {
    const bench = openBench();
    expect(headersOf(atOnce(bench.limits))).to.deep.equal({
      'x-ratelimit-limit': '600',
      'x-ratelimit-remaining': '99',
      'x-ratelimit-reset': '1',
      'ratelimit-policy': '"organization";q=600;w=60;modelroute-burst=100',
      ratelimit: '"organization";r=99;t=1',
    });
    expect(await admitted(bench.limits, 200)).to.equal(99);
    const refused = atOnce(bench.limits);
    expect(headersOf(refused)).to.deep.include({
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '10',
      ratelimit: '"organization";r=0;t=1',
    });
    const { code, details, headers } = rateRefusal(refused);
    expect([code, details?.[0]?.code, headers]).to.deep.equal([
      'RATE_LIMITED',
      'organization_rate_limit',
      { 'retry-after': '1' },
    ]);
    bench.nowMs = 1_000;
    expect(await admitted(bench.limits, 50)).to.equal(10);
  });

  it('are those that operators set, at once', async () => {
    const bench = openBench();
    bench.set = { requestsPerMinute: 0 };
    expect(bench.limits.admit(caller)).to.equal(undefined);
    bench.set = { requestsPerMinute: 5 };
    expect(await admitted(bench.limits, 20)).to.equal(5);
    expect(rateRefusal(atOnce(bench.limits)).headers).to.deep.equal({ 'retry-after': '12' });
  });

  it('hold for a key beside its organization; the tighter one is shown', async () => {
    const { limits } = openBench();
    const limited: Caller = { ...caller, requestRate: { requestsPerMinute: 3 } };
    expect(headersOf(atOnce(limits, limited))).to.deep.equal({
      'x-ratelimit-limit': '3',
      'x-ratelimit-remaining': '2',
      'x-ratelimit-reset': '20',
      'ratelimit-policy':
        '"key";q=3;w=60;modelroute-burst=3, "organization";q=600;w=60;modelroute-burst=100',
      ratelimit: '"key";r=2;t=20, "organization";r=99;t=1',
    });
    expect(await admitted(limits, 10, limited)).to.equal(2);
    // What the key was refused is not taken from its organization.
    expect(await admitted(limits, 200)).to.equal(97);
    const none: Caller = { ...caller, keyId: 'key_2', requestRate: { requestsPerMinute: 0 } };
    expect(headersOf(atOnce(limits, none))['x-ratelimit-limit']).to.equal('600');
  });
});

describe('rate limits of several processes', () => {
  it('are one limit, wherever requests come, and decided at once while it is known', async () => {
    const clock = { nowMs: 0 };
    const shared = openMemoryRequestLimits(() => clock.nowMs);
    const [one, other] = [openBench(shared, clock), openBench(shared, clock)];
    expect(await admitted(one.limits, 1)).to.equal(1);
    expect(await admitted(other.limits, 60)).to.equal(60);
    const counts = await Promise.all([one, other].map(({ limits }) => admitted(limits, 500)));
    expect(counts[0]! + counts[1]!).to.equal(39);
    expect(atOnce(one.limits).isRefused).to.equal(true);
    clock.nowMs = 1_000;
    expect(await admitted(one.limits, 500)).to.equal(10);
  });

  it('give one caller of one process its whole limit', async () => {
    const clock = { nowMs: 0 };
    const shared = openMemoryRequestLimits(() => clock.nowMs);
    const [one] = [openBench(shared, clock), openBench(shared, clock)];
    let count = 0;
    for (; clock.nowMs < 120_000; clock.nowMs += 100) count += await admitted(one.limits, 1);
    expect(count).to.equal(1_200);
  });

  it('never add up to more than limit × 1.1 + N in a minute', async () => {
    const clock = { nowMs: 0 };
    const shared = openMemoryRequestLimits(() => clock.nowMs);
    const processes = [1, 2, 3].map(() => openBench(shared, clock));
    let minute = 0;
    for (; clock.nowMs < 60_000; clock.nowMs += 50)
      for (const { limits } of processes) minute += await admitted(limits, 5);
    expect(minute).to.be.within(600, 649);
  });

  it('are each process’s own while what they share is away', async () => {
    const clock = { nowMs: 0 };
    const own = openMemoryRequestLimits(() => clock.nowMs);
    let isAway = true;
    const shared: RequestLimits = {
      claim: (claims) => (isAway ? Promise.reject(new Error('away')) : own.claim(claims)),
    };
    const { limits, warned } = openBench(shared, clock);
    expect(await admitted(limits, 300)).to.equal(100);
    expect(atOnce(limits).isRefused).to.equal(true);
    expect(warned).to.have.length(1);
    isAway = false;
    clock.nowMs = 1_000;
    expect(await admitted(limits, 60)).to.equal(60);
    expect(await admitted(limits, 60)).to.equal(40);
  });
});
