/** When an outcome is recorded that was learned during an outage, and what may follow it when. */
import { expect } from 'chai';
import { StoreUnavailable } from '../../infra/event-store/port.js';
import type { Infra } from '../../runtime/infra.js';
import { openSpecInfra, type SpecInfra } from '../../runtime/testing/spec-infra.js';
import { ask, claimFor, decideOn, eventOf, TEXT, type Asked } from '../testing/kit.js';
import type { ClaimedAttempt } from './claimed-attempt.js';
import { recordOutcome } from './record-outcome.js';

const OUTAGE_MS = 5 * 60_000;

describe('record-outcome', () => {
  let spec: SpecInfra;
  before(async () => {
    spec = await openSpecInfra();
  });
  after(() => spec.close());

  /** At its first try the store is away, and comes back after so long by the clock. */
  function withOutage(infra: Infra): Infra {
    const { executions } = infra;
    const decide: typeof executions.decide = async (...given) => {
      if (spec.clock.aheadMs > 0) return executions.decide(...given);
      spec.clock.aheadMs = OUTAGE_MS;
      throw new StoreUnavailable('away');
    };
    return { ...infra, executions: { ...executions, decide } };
  }

  async function claimedFor({ executionId }: Asked): Promise<ClaimedAttempt> {
    const { infra } = spec;
    const claimed = (await infra.executions.load(executionId)) as ClaimedAttempt['claimed'];
    const { models, providers } = infra.catalogue.current();
    const model = models.get(TEXT);
    const route = model?.routes.find(({ provider: slug }) => slug === 'aurora-chat');
    const provider = providers.get('aurora-chat');
    if (!model || !route || !provider) throw new Error('the bundled catalogue has them');
    return { claimed, model, route, provider };
  }

  const failure = {
    kind: 'failed',
    code: 'GENERATION_FAILED',
    retryable: false,
    countsAsFailure: true,
    detail: 'no',
  } as const;
  const { signal } = new AbortController();

  it('decides again after an outage, at the time of that try', async () => {
    const { infra } = spec;
    const asked = await ask(infra, { expiresInMs: 2 * OUTAGE_MS });
    await claimFor(infra, asked, 'aurora-chat', 2 * OUTAGE_MS);
    const attempt = await claimedFor(asked);
    const beganMs = infra.now();
    await recordOutcome(withOutage(infra), 'run-execution', attempt, failure, signal);
    const { data } = await eventOf(infra, asked, 'ProviderFailed');
    expect(Date.parse(data.at)).to.be.at.least(beganMs + OUTAGE_MS);
  });

  it('pauses before what may have been paid for is asked again, whatever may follow', async () => {
    const { infra } = spec;
    const asked = await ask(infra, { fallbackModels: ['text-reasoning'] });
    const dispatchKey = await claimFor(infra, asked, 'aurora-chat', 60_000);
    const { provider, route } = (await claimedFor(asked)).claimed.state.current;
    const [at, deadline] = [0, 60_000].map((ms) => new Date(infra.now() + ms).toISOString());
    const unknown = { attempt: 1, reason: 'cut', repeatable: true, attemptsMax: 4, at: at! };
    await decideOn(infra, asked.executionId, { type: 'RecordUnknown', ...unknown });
    const again = { provider, route, dispatchKey, deadline: deadline!, candidates: [], at: at! };
    await decideOn(infra, asked.executionId, { type: 'Dispatch', ...again });
    const refused = { ...failure, retryable: true };
    await recordOutcome(infra, 'run-execution', await claimedFor(asked), refused, signal);
    const { data } = await eventOf(infra, asked, 'ProviderFailed');
    expect(Date.parse(data.notBefore ?? '')).to.be.above(Date.parse(data.at));
  });
});
