import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { request } from 'undici';
import { behave, calls, type ChatBody, post, prompt, withSandbox } from './testing/kit.js';

describe('sandbox behaviour', () => {
  const sandbox = withSandbox();
  const chat = (text: string) =>
    post<ChatBody>(`${sandbox.url()}/aurora/v1/chat/completions`, prompt(text));
  const shown = async (method: 'GET' | 'DELETE' = 'GET') =>
    (await request(`${sandbox.url()}/_sandbox/behaviour`, { method })).body.json();
  const statuses = async (count: number) => {
    const found: number[] = [];
    for (let i = 0; i < count; i++) found.push((await chat('x')).status);
    return found;
  };

  it('shows, updates in part, and resets', async () => {
    const initial = (ms: number) => ({
      latency: { kind: 'fixed', ms },
      errorRate: 0,
      errorStatus: 500,
      retryAfterSeconds: null,
      misbehaviour: 'none',
      misbehaveRate: 1,
      faultsOn: 'calls',
      absentModels: [],
      jobMs: 1_500,
      jobsEnd: 'succeeded',
      forgetsJobs: false,
      callbackTimes: 1,
      callbackDelayMs: 0,
      callbackSignature: 'good',
      callbacksDisordered: false,
      seed: 1,
    });
    const later = {
      polaris: initial(50),
      vega: initial(50),
      lyra: initial(50),
      altair: initial(250),
      capella: initial(250),
    };
    expect(await shown('DELETE')).to.deep.equal({
      aurora: initial(200),
      borealis: initial(300),
      ...later,
    });
    const latency = { kind: 'lognormal', medianMs: 80, sigma: 0.4 };
    await behave(sandbox.url(), { borealis: { latency } });
    await behave(sandbox.url(), { borealis: { errorRate: 0.5 }, aurora: { latency: 7 } });
    expect(await shown()).to.deep.equal({
      aurora: initial(7),
      borealis: { ...initial(300), latency, errorRate: 0.5 },
      ...later,
    });
  });

  it('refuses bad input with a sentence and changes nothing', async () => {
    const before = await shown();
    const cases: [unknown, string][] = [
      [[], 'The body must be an object of personalities.'],
      [
        { zephyr: {} },
        '"zephyr" is not a personality; known: aurora, borealis, polaris, vega, lyra, altair, ' +
          'capella.',
      ],
      [{ aurora: { errorRate: 2 } }, 'aurora: "errorRate" must be from 0 to 1.'],
      [{ aurora: { misbehaviour: 'sulk' } }, 'aurora: "misbehaviour" must be "none" or one of'],
      [{ aurora: { latency: -1 } }, 'aurora: "latency" must be milliseconds from 0 to 600000.'],
      [{ aurora: { latency: { kind: 'uniform', minMs: 9, maxMs: 1 } } }, 'has minMs above maxMs'],
      [{ aurora: { latency: { kind: 'fixed' } } }, 'of kind "fixed" takes exactly ms.'],
      [{ aurora: { mood: 1 } }, 'aurora: "mood" is not a setting; known: latency,'],
      [{ polaris: { jobMs: -1 } }, '"jobMs" must be milliseconds from 0 to 600000'],
      [{ polaris: { jobsEnd: 'late' } }, '"jobsEnd" must be one of succeeded, failed, never.'],
      [{ aurora: { errorStatus: 200 } }, '"errorStatus" must be a whole HTTP status'],
      [{ borealis: { errorRate: 1 }, aurora: { seed: -1 } }, '"seed" must be a whole number'],
    ];
    for (const [patch, sentence] of cases) {
      const { status, body } = await behave(sandbox.url(), patch);
      expect(status, JSON.stringify(patch)).to.equal(400);
      expect((body as { error: { message: string } }).error.message).to.contain(sentence);
    }
    expect(await shown()).to.deep.equal(before);
  });

  it('fails the asked share of calls, the same ones for the same seed', async () => {
    const failing = { errorRate: 0.5, errorStatus: 503, seed: 42 };
    await behave(sandbox.url(), { aurora: failing });
    const first = await statuses(40);
    await behave(sandbox.url(), { aurora: { seed: 42 } });
    expect(await statuses(40)).to.deep.equal(first);
    expect(first.filter((status) => status === 503).length).to.be.within(8, 32);
    expect(new Set(first)).to.deep.equal(new Set([200, 503]));
  });

  it('answers 429 with and without Retry-After', async () => {
    await behave(sandbox.url(), { aurora: { errorRate: 1, errorStatus: 429 } });
    const without = await chat('x');
    await behave(sandbox.url(), { aurora: { retryAfterSeconds: 3 } });
    const withHeader = await chat('x');
    expect([without.status, without.headers['retry-after']]).to.deep.equal([429, undefined]);
    expect([withHeader.status, withHeader.headers['retry-after']]).to.deep.equal([429, '3']);
    expect(withHeader.body).to.deep.equal({
      error: {
        message: 'Rate limit reached for requests. Please try again later.',
        type: 'requests',
        param: null,
        code: 'rate_limit_exceeded',
      },
    });
  });

  it('takes the time it is told to take', async () => {
    for (const latency of [
      120,
      { kind: 'uniform', minMs: 120, maxMs: 121 },
      { kind: 'lognormal', medianMs: 120, sigma: 0 },
    ]) {
      await behave(sandbox.url(), { aurora: { latency } });
      const from = performance.now();
      await chat('x');
      expect(performance.now() - from).to.be.within(115, 1000);
    }
  });

  it('shows a call that is still being worked on, and once more when it is done', async () => {
    await behave(sandbox.url(), { aurora: { latency: 300 } });
    const answer = chat('x');
    let working = await calls(sandbox.url());
    while (working.length === 0) working = await calls(sandbox.url());
    expect(
      working.map(({ n, call, finished, status, paid }) => [n, call, finished, status, paid]),
    ).to.deep.equal([[1, 1, false, null, false]]);
    await answer;
    const done = await calls(sandbox.url(), '?after=1');
    expect(
      done.map(({ n, call, finished, status, paid }) => [n, call, finished, status, paid]),
    ).to.deep.equal([[2, 1, true, 200, true]]);
    expect(await calls(sandbox.url())).to.deep.equal(done);
  });

  it('finishes and charges for a call whose caller has hung up', async () => {
    await behave(sandbox.url(), { aurora: { latency: 100 } });
    const hungUp = await request(`${sandbox.url()}/aurora/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer any' },
      body: JSON.stringify(prompt('x')),
      signal: AbortSignal.timeout(50),
    }).then(
      () => false,
      () => true,
    );
    expect(hungUp).to.equal(true);
    let record = await calls(sandbox.url());
    while (!record[0]?.finished) record = await calls(sandbox.url());
    const bodySha256 = createHash('sha256')
      .update(JSON.stringify(prompt('x')))
      .digest('hex');
    expect(record[0]).to.deep.include({ bodySha256, status: 499, paid: true, replayed: false });
  });

  it('says that it is well', async () => {
    await chat('x');
    const { statusCode, body } = await request(`${sandbox.url()}/_sandbox/healthz`);
    expect([statusCode, await body.json()]).to.deep.equal([200, { status: 'ok', calls: 1 }]);
  });
});
