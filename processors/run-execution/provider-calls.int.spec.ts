import { expect } from 'chai';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { behave, behaveWell, callsFor } from '../../sandbox/testing/behaviour.js';
import { eventually } from '../../testing/eventually.js';
import { jobAttemptOf } from '../poll-provider-jobs/job-attempt.js';
import { ask, cancel, claimFor, typesOf, words } from '../testing/kit.js';
import { openAcceptedJobs } from './accepted-jobs.js';
import { openProviderCalls } from './provider-calls.js';

const CALL_MS = 60_000;

describe('provider calls', function () {
  this.timeout(60_000);
  let spec: SpecInfra;

  before(async () => {
    spec = await openSpecInfra(({ providers }) => {
      for (const provider of Object.values(providers)) provider.timeout_ms = CALL_MS;
    });
  });
  after(() => spec.close());
  afterEach(() => behaveWell(spec.sandbox.url));

  it('ends a call whose execution ended elsewhere within seconds, and frees its slot', async () => {
    const { infra } = spec;
    await behave(spec.sandbox.url, { aurora: { latency: CALL_MS } });
    const asked = await ask(infra, { input: words('Nobody waits') });
    await claimFor(infra, asked, 'aurora-chat', CALL_MS);
    const { state, ...rest } = await infra.executions.load(asked.executionId);
    if (state.status !== 'processing') throw new Error(state.status);
    const attempt = jobAttemptOf(infra, { ...rest, state });
    if (!attempt) throw new Error('the route is gone');
    const jobs = openAcceptedJobs(infra);
    const calls = openProviderCalls(infra, jobs);
    const released: string[] = [];
    const slot = { release: (ending: string) => void released.push(ending) };
    const input = { input: words('Nobody waits'), files: new Map() };
    calls.start({ ...attempt, claimedAtMs: performance.now(), input, slot });
    await eventually('it is called', async () =>
      (await callsFor(spec.sandbox.url, asked.executionId)).some(({ status }) => status === null),
    );
    // Nobody notifies the process that has the call.
    await cancel(infra, asked);
    await eventually('its slot is free', () => released.length > 0, 8_000);
    expect(released).to.deep.equal(['neutral']);
    expect((await typesOf(infra, asked)).at(-1)).to.equal('ExecutionCancelled');
    await calls.drain(0);
    jobs.close();
  });
});
