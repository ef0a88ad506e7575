import { expect } from 'chai';
import { movementIdOf } from '../contracts/ids.js';
import { openAudit } from './audit.js';
import { openFindings } from './findings.js';
import { audit, completed, settled, underWay } from './testing/audited.js';
import { openStory, START_MS, tellEverything, type Recorded } from './testing/story.js';

const DAY_MS = 86_400_000;

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
