import { expect } from 'chai';
import { type BatchId, movementIdOf, type ExecutionId, type HoldId } from '../contracts/ids.js';
import { openAudit } from './audit.js';
import { openFindings, type Finding } from './findings.js';
import type { Moment } from './overdue.js';
import {
  openStory,
  START_MS,
  tellEverything,
  tellTold,
  URL_TOLD,
  type Recorded,
  type Story,
} from './testing/story.js';

const DAY_MS = 86_400_000;

function audit(events: readonly Recorded[], moment: Partial<Moment> = {}): readonly Finding[] {
  const findings = openFindings();
  const { see, end } = openAudit(findings);
  events.forEach(see);
  end({ nowMs: START_MS + events.length * 1_000, settled: false, ...moment });
  return findings.kept;
}

const settled = { settled: true };

/** Funded, requested, dispatched: with what the spec does to it, and what comes after. */
function underWay(): { story: Story; id: ExecutionId; holdId: HoldId } {
  const story = openStory();
  story.deposit(100_000n);
  const id = story.execution();
  const holdId = story.place(id, 30_000n);
  story.request(id, holdId, 30_000n);
  story.dispatch(id, 1);
  return { story, id, holdId };
}

function completed(cost = 10_000n) {
  const begun = underWay();
  begun.story.complete(begun.id, begun.holdId, cost);
  return begun;
}

describe('the audit of a log', () => {
  it('finds nothing where nothing is wrong, and keeps nothing that ended', () => {
    const story = openStory();
    tellEverything(story);
    const findings = openFindings();
    const { see, end, open } = openAudit(findings);
    story.events.forEach(see);
    end({ nowMs: START_MS + DAY_MS, settled: true });
    expect(findings.kept).to.deep.equal([]);
    expect(open.counts).to.deep.equal({ events: 47, executions: 6, holds: 8, deliveries: 2 });
    expect([open.holds.size, open.executions.size, open.deliveries.size]).to.deep.equal([0, 0, 0]);
    const { available, held } = open.accounts.get(story.organizationId)!;
    expect([available, held]).to.deep.equal([975_000n, 0n]);
  });

  it('leaves a system at work its time, and a drained one none', () => {
    const { story, id, holdId } = underWay();
    expect(audit(story.events)).to.deep.equal([]);
    expect(audit(story.events, settled)).to.deep.equal([
      {
        invariant: 'I1',
        subject: `execution-${id}`,
        problem: `it is still PROCESSING; it expires at ${story.time(302)}`,
      },
      {
        invariant: 'I2',
        subject: story.account,
        problem: `${holdId} of ${story.time(1)} is still open, and ${id} is PROCESSING`,
      },
    ]);
  });

  describe('I1: an accepted execution comes to exactly one end', () => {
    it('finds one that is past its time', () => {
      const { story, id } = underWay();
      const [finding, ...more] = audit(story.events, { nowMs: START_MS + DAY_MS });
      expect(finding).to.include({ invariant: 'I1', subject: `execution-${id}` });
      expect(more).to.deep.equal([]);
    });

    it('finds an attempt that is past its deadline', () => {
      const { story, id } = underWay();
      const [finding] = audit(story.events, { nowMs: START_MS + 200_000 });
      expect(finding?.problem).to.equal(`attempt 1 had until ${story.time(33)} and no end`);
      expect(finding?.subject).to.equal(`execution-${id}`);
    });

    it('finds a second end, before and after the first one is done with', () => {
      for (const isDone of [false, true]) {
        const { story, id, holdId } = completed();
        if (isDone) story.settle(id, holdId, [10_000n, 20_000n]);
        story.on(id, 'ExecutionCancelled', { holdId });
        if (!isDone) story.settle(id, holdId, [10_000n, 20_000n]);
        const problem = isDone
          ? 'ExecutionCancelled at revision 3 comes after the end, or follows nothing'
          : 'ExecutionCancelled after it was COMPLETED';
        const subject = `execution-${id}`;
        expect(audit(story.events, settled)).to.deep.equal([{ invariant: 'I1', subject, problem }]);
      }
    });

    it('finds attempts that were never dispatched, or dispatched twice at a time', () => {
      const { story, id, holdId } = underWay();
      story.dispatch(id, 2);
      story.on(id, 'ProviderFailed', { attempt: 1 });
      story.complete(id, holdId, 1n, { attempt: 2 });
      expect(audit(story.events).map(({ problem }) => problem)).to.deep.equal([
        'attempt 2 was dispatched while another was in flight',
        'ProviderFailed of attempt 1 while attempt 2 is in flight',
        'it was completed by attempt 2, which never ran',
      ]);
    });

    describe('finds after an attempt that may have been paid', () => {
      const told = { repeatable: false, mayHaveCost: 5n };
      const elsewhere = { provider: 'borealis' };
      const cases = {
        'another call at its provider': [
          told,
          { again: false },
          'attempt 2 took a key of its own though the provider may have been paid',
        ],
        'the same call at a provider that knows no keys': [
          told,
          { again: true },
          'attempt 2 repeated a call at a provider that knows no keys',
        ],
        'its key at another provider': [
          { repeatable: true },
          { again: true, ...elsewhere },
          'attempt 2 took the key of a call at another provider',
        ],
        'another provider beyond what may be lost': [
          told,
          { again: false, ...elsewhere, unknownMaxCost: 4n },
          'attempt 2 went on though more may have been paid than may be lost',
        ],
        'another provider though nobody can tell what it may have cost': [
          { repeatable: false },
          { again: false, ...elsewhere, unknownMaxCost: 4n },
          'attempt 2 went on though more may have been paid than may be lost',
        ],
      } as const;
      for (const [what, [end, { again, ...next }, problem]] of Object.entries(cases))
        it(what, () => {
          const { story, id } = underWay();
          story.on(id, 'ProviderOutcomeUnknown', { attempt: 1, ...end });
          story.dispatch(id, 2, { ...next, ...(again && { dispatchKey: `${id}.1` }) });
          expect(audit(story.events).map((finding) => finding.problem)).to.deep.equal([problem]);
        });
    });
  });

  describe('I2: a hold ends once', () => {
    it('finds a hold that ended twice', () => {
      const { story, id, holdId } = completed();
      story.settle(id, holdId, [10_000n, 20_000n]);
      story.release(id, holdId, 30_000n, 'orphaned');
      const found = audit(story.events, settled);
      expect(found.map(({ invariant }) => invariant)).to.deep.equal(['I3', 'I2']);
      expect(found[1]?.problem).to.contain('is not open');
    });

    it('finds a hold that never ended', () => {
      const { story, holdId } = completed();
      const [finding, ...more] = audit(story.events, { nowMs: START_MS + DAY_MS });
      expect(finding).to.include({ invariant: 'I2', subject: story.account });
      expect(finding?.problem).to.contain(`${holdId} of ${story.time(1)} is still open`);
      expect(more).to.deep.equal([]);
    });

    it('finds an orphan that nobody looked after', () => {
      const story = openStory();
      story.deposit(100_000n);
      story.place(story.execution(), 10_000n);
      expect(audit(story.events)).to.deep.equal([]);
      const [finding] = audit(story.events, { nowMs: START_MS + DAY_MS });
      expect(finding).to.include({ invariant: 'I2', subject: story.account });
    });

    it('finds a request on a hold that does not stand, or is of another amount', () => {
      const story = openStory();
      story.deposit(100_000n);
      const [without, with2] = [story.execution(), story.execution()];
      story.request(without, `hold_${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`, 10_000n);
      story.request(with2, story.place(with2, 10_000n), 20_000n);
      expect(audit(story.events).map(({ invariant }) => invariant)).to.deep.equal(['I2', 'I2']);
    });

    it('finds money that a settlement lost, and a release that does not fit the end', () => {
      const first = completed();
      first.story.settle(first.id, first.holdId, [10_000n, 19_000n]);
      expect(audit(first.story.events).map(({ problem }) => problem)).to.deep.equal([
        `${first.holdId} held 0.030 and gives 0.029 back`,
      ]);
      const second = completed();
      second.story.release(second.id, second.holdId, 30_000n, 'failed');
      expect(audit(second.story.events).map(({ problem }) => problem)).to.deep.equal([
        `${second.holdId} was released as failed; ${second.id} is COMPLETED`,
      ]);
    });
  });

  describe('I3: what stands on an account adds up', () => {
    it('finds a standing that is not the sum of the movements', () => {
      const story = openStory();
      story.deposit(100_000n);
      story.deposit(50_000n, { availableAfter: 160_000n });
      expect(audit(story.events)).to.deep.equal([
        {
          invariant: 'I3',
          subject: story.account,
          problem: 'FundsDeposited at revision 1 says 0.160 available, and it is 0.150',
        },
      ]);
    });

    it('finds a key that moved money twice, and the record of one that never did', () => {
      const story = openStory();
      story.deposit(5n, { topUpId: 'k' });
      story.deposit(5n, { topUpId: 'k' });
      story.record('topUp', 'k', 5n);
      story.record('adjustment', 'k', 5n);
      const { organizationId } = story;
      expect(audit(story.events)).to.deep.equal([
        {
          invariant: 'I3',
          subject: story.account,
          problem: 'FundsDeposited at revision 1 repeats a key that moved money',
        },
        {
          invariant: 'I3',
          subject: `movement-${movementIdOf(organizationId, 'adjustment', 'k')}`,
          problem: `it records a key of ${organizationId} that never moved money`,
        },
      ]);
    });

    it('finds money that was spent twice', () => {
      const story = openStory();
      story.deposit(10_000n);
      story.place(story.execution(), 10_000n);
      story.place(story.execution(), 10_000n);
      expect(audit(story.events).map(({ problem }) => problem)).to.deep.equal([
        'available is -0.010 at 2',
      ]);
    });
  });

  describe('I3: what may be spent is not passed', () => {
    const KEY = 'key_7b0a6c1e-52d4-5c0f-9d6a-3e1f0b9c2a44';

    it('finds a hold beyond each guard that is in force, and none within', () => {
      const story = openStory();
      story.deposit(1_000_000n);
      story.place(story.execution(), 600n, { apiKeyId: KEY });
      story.guard({ dailyLimit: 1_000n, maxInFlight: 3 });
      story.guard({ maxCostPerExecution: 400n, perMinute: 700n, apiKeyId: KEY, setBy: 'owner' });
      const id = story.execution();
      const holdId = story.place(id, 400n, { apiKeyId: KEY });
      story.release(id, holdId, 400n, 'abandoned');
      story.place(story.execution(), 300n, { apiKeyId: KEY });
      expect(audit(story.events)).to.deep.equal([]);
      story.place(story.execution(), 401n, { apiKeyId: KEY });
      story.place(story.execution(), 1n);
      expect(
        audit(story.events).map(({ invariant, problem }) => [invariant, problem]),
      ).to.deep.equal([
        ['I3', of(7, 'dailyLimit of organization: 0.001, and it is 0.001301')],
        ['I3', of(7, `maxCostPerExecution of ${KEY}: 0.0004, and it is 0.000401`)],
        ['I3', of(7, `perMinute of ${KEY}: 0.0007, and it is 0.001101`)],
        ['I3', of(8, 'maxInFlight of organization: 3, and it is 4')],
        ['I3', of(8, 'dailyLimit of organization: 0.001, and it is 0.001302')],
      ]);
    });

    const of = (revision: number, problem: string) =>
      `HoldPlaced at revision ${revision} passes ${problem}`;

    it('finds a low balance that was not announced, or was twice', () => {
      const story = openStory();
      story.deposit(1_000n);
      story.alert(900n);
      const id = story.execution();
      const holdId = story.place(id, 200n);
      story.ranLow(900n);
      story.release(id, holdId, 200n, 'abandoned');
      story.place(story.execution(), 100n);
      expect(audit(story.events)).to.deep.equal([]);
      story.place(story.execution(), 1n);
      story.deposit(1n);
      story.ranLow(900n);
      expect(audit(story.events).map(({ problem }) => problem)).to.deep.equal([
        'FundsDeposited at revision 7 follows a low balance that was not announced',
        'BalanceRanLow at revision 8 announces what is not',
      ]);
    });
  });

  describe('I4: a customer is charged at most once, and at most the hold', () => {
    it('finds a charge above the cost', () => {
      const { story, id, holdId } = completed(10_000n);
      story.settle(id, holdId, [30_000n, 0n]);
      expect(audit(story.events).map(({ invariant }) => invariant)).to.deep.equal(['I4']);
    });

    it('finds a cost beyond the hold, and a charge that is not the cost', () => {
      const beyond = underWay();
      beyond.story.complete(beyond.id, beyond.holdId, 75_000n, { ratedCost: 75_000n });
      beyond.story.settle(beyond.id, beyond.holdId, [30_000n, 0n, 45_000n]);
      expect(audit(beyond.story.events).map(({ problem }) => problem)).to.deep.equal([
        'it is said to cost 0.075, and costs 0.030',
      ]);
      const less = underWay();
      less.story.complete(less.id, less.holdId, 30_000n, { ratedCost: 75_000n });
      less.story.settle(less.id, less.holdId, [30_000n, 0n, 45_000n]);
      expect(audit(less.story.events)).to.deep.equal([]);
      const other = completed(20_000n);
      other.story.settle(other.id, other.holdId, [10_000n, 20_000n]);
      expect(audit(other.story.events).map(({ invariant }) => invariant)).to.deep.equal(['I4']);
    });

    it('finds another price than was delivered, unless the files showed another use', () => {
      const problemsOf = (usage: object) => {
        const { story, id, holdId } = underWay();
        const told = { attempt: 1, cost: 18_000n, usage: { images: 2 } };
        story.on(id, 'ProviderSucceeded', told);
        story.complete(id, holdId, 9_000n, { usage });
        story.settle(id, holdId, [9_000n, 21_000n]);
        return audit(story.events).map(({ problem }) => problem);
      };
      expect(problemsOf({ images: 2 })).to.deep.equal([
        'it was delivered for 0.018 and completed for 0.009',
      ]);
      expect(problemsOf({ images: 1, pixels: 65_536 })).to.deep.equal([]);
    });

    it('finds a charge for what was not completed, and a second one', () => {
      const { story, id, holdId } = completed();
      const again = story.place(id, 30_000n);
      story.settle(id, again, [10_000n, 20_000n]);
      story.settle(id, holdId, [10_000n, 20_000n]);
      expect(audit(story.events, settled)).to.deep.equal([
        {
          invariant: 'I4',
          subject: story.account,
          problem: `${again} charged 0.010 without the completion of ${id}`,
        },
      ]);
    });
  });

  describe('I5: what is owed to a webhook is told, or given up', () => {
    it('finds an event that no delivery was scheduled for', () => {
      const begun = openStory();
      begun.deposit(100_000n);
      tellTold(begun);
      const events = begun.events.filter(({ type, stream }) => {
        const lost = begun.events.findLast(({ type }) => type === 'DeliveryScheduled');
        return !(stream === lost?.stream && type.startsWith('Delivery'));
      });
      expect(audit(events, settled).map(({ invariant, problem }) => [invariant, problem])).to.eql([
        ['I5', `execution.completed of ${begun.time(6)} is owed and not scheduled`],
      ]);
    });

    it('finds one that was scheduled twice, under another event id, or for nothing', () => {
      const story = openStory();
      story.deposit(100_000n);
      const id = story.execution();
      story.request(id, story.place(id, 10_000n), 10_000n, { webhookUrl: URL_TOLD });
      story.dispatch(id, 1);
      const wrongId = `evt_${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`;
      story.schedule(id, 'execution.started', 2, { eventId: wrongId });
      story.schedule(id, 'execution.completed', 3);
      expect(audit(story.events).map(({ problem }) => problem)).to.deep.equal([
        'its event id is not that of execution.started',
        `execution.completed of ${id} is scheduled, and is not owed (any more)`,
      ]);
    });

    it('finds a delivery that nothing was heard of', () => {
      const story = openStory();
      story.deposit(100_000n);
      tellTold(story);
      const events = story.events.slice(0, -2);
      expect(audit(events)).to.deep.equal([]);
      expect(audit(events, settled).map(({ invariant }) => invariant)).to.deep.equal(['I5']);
      const late = { nowMs: START_MS + DAY_MS };
      expect(audit(events, late).map(({ invariant }) => invariant)).to.deep.equal(['I5']);
    });

    it('finds an event that an endpoint wanted and that no delivery was scheduled for', () => {
      const story = openStory();
      story.deposit(100_000n);
      const endpointId = 'we_00000000-0000-4000-8000-000000000001';
      const { organizationId } = story.events[0]!.data as { organizationId: string };
      const stream = `webhookEndpoint-${organizationId}` as const;
      const about = { organizationId, endpointId };
      const chosen = { url: URL_TOLD, events: ['execution.started'], isActive: true };
      story.tell(stream, 'WebhookEndpointRegistered', { ...about, ...chosen });
      const id = story.execution();
      story.request(id, story.place(id, 10_000n), 10_000n);
      story.dispatch(id, 1);
      expect(audit(story.events)).to.deep.equal([]);
      const due = audit(story.events, settled).filter(({ invariant }) => invariant === 'I5');
      expect(due.map(({ problem }) => problem)).to.deep.equal([
        `execution.started ${endpointId} of ${story.time(4)} is owed and not scheduled`,
      ]);
      const deliveryId = story.schedule(id, 'execution.started', 2, { endpointId });
      story.deliver(deliveryId, id, 'DeliverySucceeded', { attempt: 1, status: 200, endpointId });
      expect(audit(story.events, settled).filter(({ invariant }) => invariant === 'I5')).to.eql([]);
      const again = { requestId: 'req_1', attempts: 1, was: 'succeeded', endpointId };
      story.deliver(deliveryId, id, 'RedeliveryRequested', again);
      expect(audit(story.events)).to.deep.equal([]);
      story.deliver(deliveryId, id, 'DeliveryExhausted', {
        attempt: 2,
        reason: 'timeout',
        cause: 'attempts',
        endpointId,
      });
      expect(audit(story.events)).to.deep.equal([]);
    });

    it('finds a number that does not fit the timeline (I8)', () => {
      const told = openStory();
      told.deposit(100_000n);
      const other = told.execution();
      told.request(other, told.place(other, 10_000n), 10_000n, { webhookUrl: URL_TOLD });
      told.dispatch(other, 1);
      told.schedule(other, 'execution.started', 3);
      expect(audit(told.events).map(({ invariant }) => invariant)).to.deep.equal(['I8', 'I5']);
    });
  });

  describe('I1: a batch is over when its executions are', () => {
    const batchId: BatchId = 'batch_11111111-1111-5111-8111-111111111111';
    const stream = `batch-${batchId}` as const;
    const ends = { completed: 1, failed: 0, cancelled: 0, expired: 0, rejected: 0, cost: 0n };
    const submit = (story: Story, ...executionIds: ExecutionId[]) =>
      story.tell(stream, 'BatchSubmitted', { batchId, executionIds, rejected: 0 });
    const complete = (story: Story) => story.tell(stream, 'BatchCompleted', { batchId, ...ends });
    const problemsOf = (story: Story, moment?: Partial<Moment>) =>
      audit(story.events, moment)
        .filter(({ subject }) => subject === stream)
        .map(({ problem }) => problem);

    it('finds none where that is so, and one that was forgotten', () => {
      const { story, id } = completed();
      submit(story, id);
      expect(problemsOf(story, settled)).to.deep.equal([
        'all of its executions are over, and it is not',
      ]);
      complete(story);
      expect(problemsOf(story, settled)).to.deep.equal([]);
    });

    it('finds one that was completed too early, twice, or with other counts', () => {
      const { story, id } = underWay();
      submit(story, id, story.execution());
      complete(story);
      complete(story);
      const counts = 'it counts 1 ends of 2 executions';
      const early = `it was completed while ${id} was not over`;
      expect(problemsOf(story)).to.deep.equal([
        counts,
        early,
        counts,
        'it was completed twice',
        early,
      ]);
    });
  });

  describe('the log itself', () => {
    const gapless = () => {
      const story = openStory();
      for (let n = 0; n < 3; n++) story.deposit(1_000n);
      return story.events;
    };

    it('finds a revision that is missing', () => {
      const [first, , third] = gapless();
      expect(audit([first!, third!]).map(({ problem }) => problem)).to.deep.equal([
        'FundsDeposited is revision 2, after 0',
        'FundsDeposited at revision 2 says 0.003 available, and it is 0.002',
      ]);
    });

    it('finds positions that do not ascend, and an event that stands there twice', () => {
      const [first, second] = gapless();
      const again = { ...second!, position: 0n, id: first!.id } as Recorded;
      expect(audit([first!, again]).map(({ problem }) => problem)).to.deep.equal([
        'position 0 comes after position 0',
        `event id ${first!.id} stands there twice`,
      ]);
    });

    it('finds a stream without its beginning', () => {
      expect(audit(gapless().slice(1)).map(({ invariant }) => invariant)).to.deep.equal([
        'log',
        'I3',
      ]);
    });
  });
});
