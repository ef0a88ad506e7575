import { expect } from 'chai';
import fc from 'fast-check';
import type { ApiKeyId, ExecutionId, HoldId } from '../../contracts/ids.js';
import * as Account from './account.js';
import * as Snapshot from './snapshot.js';
import { openHoldsOf, spentIn, spentWithinAMinute, nothingSpent, type Scope } from './spending.js';

const organizationId = 'org_1';
const key: ApiKeyId = 'key_1';
const otherKey: ApiKeyId = 'key_2';
const noon = '2026-01-31T12:00:00.000Z';

/** `seconds` after noon of the last day of a month. */
const after = (seconds: number) => new Date(Date.parse(noon) + seconds * 1000).toISOString();
const DAY = 24 * 3600;

/** An account that does what it is told, or says why not. */
class Story {
  readonly state = Account.initial();
  private serial = 0;

  constructor(available = 1_000_000n) {
    this.do({ type: 'Deposit', organizationId, topUpId: 't', amount: available, at: noon });
  }

  do(command: Account.Command): string {
    const decision = Account.decide(this.state, command);
    if (decision.kind === 'rejected') return decision.reason;
    if (decision.kind === 'alreadyDone') return decision.kind;
    for (const event of decision.events) Account.evolve(this.state, event);
    return decision.events.map(({ type }) => type).join();
  }

  /** Answers the hold's number, or why it was refused. */
  hold(amount: bigint, at = noon, apiKeyId: ApiKeyId | undefined = key): number | string {
    const serial = ++this.serial;
    const about = { organizationId, generation: 0, amount, at, ...(apiKeyId && { apiKeyId }) };
    const said = this.do({ type: 'PlaceHold', ...idsOf(serial), ...about } as Account.Command);
    return said === 'HoldPlaced' ? serial : said;
  }

  settle(serial: number | string, cost: bigint, at = noon): string {
    return this.do({ type: 'SettleHold', organizationId, ...idsOf(Number(serial)), cost, at });
  }

  release(serial: number | string, at = noon): string {
    const ids = idsOf(Number(serial));
    return this.do({ type: 'ReleaseHold', organizationId, ...ids, reason: 'failed', at });
  }

  guard(
    limits: object,
    { apiKeyId, setBy = 'operator', cleared = [] }: Partial<SetSpendingGuard> = {},
  ): string {
    const about = { organizationId, setBy, cleared, at: noon, ...(apiKeyId && { apiKeyId }) };
    return this.do({ type: 'SetSpendingGuard', ...about, ...limits } as Account.Command);
  }

  spent(scope: Scope, at: string) {
    const spent = this.state.spent.get(scope) ?? nothingSpent;
    const minute = spentWithinAMinute(spent, at);
    return { ...spentIn(spent, at.slice(0, 10)), minute, open: openHoldsOf(this.state, scope) };
  }
}

type SetSpendingGuard = Extract<Account.Command, { type: 'SetSpendingGuard' }>;

const idsOf = (serial: number): { executionId: ExecutionId; holdId: HoldId } => ({
  executionId: `exec_${serial}`,
  holdId: `hold_${serial}`,
});

describe('spending guards', () => {
  it('let pass what fits to the last micro, and nothing more', () => {
    const story = new Story();
    story.guard({ dailyLimit: 100n });
    expect(story.hold(60n)).to.equal(1);
    expect(story.hold(41n)).to.equal('OrganizationDailyLimit');
    expect(story.hold(40n)).to.equal(3);
    expect(story.hold(1n)).to.equal('OrganizationDailyLimit');
  });

  it('count open holds in full, settled ones at their cost, released ones not at all', () => {
    const story = new Story();
    story.guard({ dailyLimit: 100n, monthlyLimit: 120n });
    const [first, second] = [story.hold(50n), story.hold(50n)];
    story.settle(first, 20n);
    expect(story.spent('organization', noon)).to.include({ daily: 70n, monthly: 70n });
    story.release(second);
    expect(story.spent('organization', noon)).to.include({ daily: 20n, monthly: 20n });
    expect(story.hold(81n)).to.equal('OrganizationDailyLimit');
    expect(story.hold(80n)).to.equal(4);
    expect(story.hold(21n, after(DAY))).to.equal(5);
  });

  it('count what was accepted on a day in that day, when it ends on the next', () => {
    const story = new Story();
    story.guard({ dailyLimit: 100n });
    const late = story.hold(100n, '2026-01-31T23:59:59.999Z');
    expect(story.hold(100n, '2026-02-01T00:00:00.000Z')).to.equal(2);
    story.settle(late, 30n, '2026-02-01T00:00:05.000Z');
    expect(story.spent('organization', noon)).to.include({ daily: 30n });
    expect(story.hold(1n, '2026-02-01T00:00:06.000Z')).to.equal('OrganizationDailyLimit');
    expect(story.spent('organization', after(DAY))).to.include({ daily: 100n, monthly: 100n });
  });

  it('count the whole day when they are set late in it', () => {
    const story = new Story();
    story.settle(story.hold(70n), 60n);
    story.guard({ dailyLimit: 100n }, { apiKeyId: key });
    story.guard({ dailyLimit: 100n });
    expect(story.hold(41n, after(60))).to.equal('OrganizationDailyLimit');
    expect(story.hold(40n, after(60))).to.equal(3);
  });

  it('of a month count its days together', () => {
    const story = new Story();
    story.guard({ monthlyLimit: 100n });
    story.hold(60n, after(-3 * DAY));
    expect(story.hold(41n)).to.equal('OrganizationMonthlyLimit');
    expect(story.hold(40n)).to.equal(3);
    expect(story.hold(100n, after(DAY))).to.equal(4);
  });

  it('bound what one execution may cost, which is its hold', () => {
    const story = new Story();
    story.guard({ maxCostPerExecution: 10n });
    expect(story.hold(11n)).to.equal('OrganizationMaxCostPerExecution');
    expect(story.hold(10n)).to.equal(2);
  });

  it('bound what is in flight, until it ends', () => {
    const story = new Story();
    story.guard({ maxInFlight: 3 });
    story.guard({ maxInFlight: 2 }, { apiKeyId: key });
    const [first, second] = [story.hold(1n), story.hold(1n)];
    expect(story.hold(1n)).to.equal('KeyMaxInFlight');
    expect(story.hold(1n, noon, otherKey)).to.equal(4);
    expect(story.hold(1n, noon, otherKey)).to.equal('OrganizationMaxInFlight');
    story.settle(first, 1n);
    story.release(second);
    expect(story.hold(1n)).to.equal(6);
    expect(story.hold(1n)).to.equal(7);
    expect(story.hold(1n)).to.equal('OrganizationMaxInFlight');
  });

  it('of a minute count every hold of the 60 seconds before, whatever became of it', () => {
    const story = new Story();
    story.guard({ perMinute: 100n });
    story.settle(story.hold(60n), 1n);
    story.release(story.hold(40n, after(30)));
    expect(story.hold(1n, after(59.9))).to.equal('OrganizationPerMinute');
    expect(story.hold(60n, after(60.5))).to.equal(4);
    expect(story.hold(1n, after(60.6))).to.equal('OrganizationPerMinute');
    expect(story.hold(40n, after(90.5))).to.equal(6);
  });

  it('of a minute are not passed by clocks that differ, whose holds alternate', () => {
    const story = new Story();
    story.guard({ perMinute: 1_000n });
    const passed = [0, 0];
    for (let n = 0; n < 4_000; n++) {
      const clock = n % 2;
      if (typeof story.hold(1n, after(n * 0.01 + clock * 3600)) === 'number') passed[clock]! += 1;
    }
    expect(passed).to.deep.equal([1_000, 1_000]);
  });

  it('of a day keep what was spent in it while clocks are wrong', () => {
    const story = new Story();
    story.guard({ dailyLimit: 100n });
    story.hold(60n);
    expect(story.hold(100n, after(365 * DAY))).to.equal(2);
    expect(story.hold(100n, after(-365 * DAY))).to.equal(3);
    expect(story.hold(41n)).to.equal('OrganizationDailyLimit');
    expect(story.hold(40n)).to.equal(5);
  });

  it('of a key leave the others alone; the organization’s are asked first', () => {
    const story = new Story();
    story.guard({ dailyLimit: 10n }, { apiKeyId: key });
    expect(story.hold(11n)).to.equal('KeyDailyLimit');
    expect(story.hold(11n, noon, otherKey)).to.equal(2);
    story.guard({ dailyLimit: 5n });
    expect(story.hold(11n)).to.equal('OrganizationDailyLimit');
  });

  it('are named before a balance that is too small', () => {
    const story = new Story(1n);
    expect(story.hold(2n)).to.equal('InsufficientFunds');
    story.guard({ dailyLimit: 0n });
    expect(story.hold(2n)).to.equal('OrganizationDailyLimit');
  });

  it('do not refuse a repetition', () => {
    const story = new Story();
    const command = {
      type: 'PlaceHold',
      ...idsOf(1),
      generation: 0,
      amount: 5n,
      at: noon,
    } as const;
    expect(story.do({ ...command, organizationId })).to.equal('HoldPlaced');
    story.guard({ dailyLimit: 0n });
    expect(story.do({ ...command, organizationId })).to.equal('alreadyDone');
  });

  it('are lowered by owners, never beyond what the operator set', () => {
    const story = new Story();
    const owner = { setBy: 'owner' } as const;
    expect(story.guard({ dailyLimit: 100n, maxInFlight: 5 })).to.equal('SpendingGuardSet');
    expect(story.guard({ dailyLimit: 100n })).to.equal('alreadyDone');
    expect(story.guard({ dailyLimit: 101n }, owner)).to.equal('LimitAboveOperators');
    expect(story.guard({ maxInFlight: 6 }, owner)).to.equal('LimitAboveOperators');
    expect(story.guard({ dailyLimit: 10n, perMinute: 7n }, owner)).to.equal('SpendingGuardSet');
    expect(story.state.guards.get('organization')?.inForce).to.deep.equal({
      dailyLimit: 10n,
      perMinute: 7n,
      maxInFlight: 5,
    });
    story.guard({ dailyLimit: 8n });
    expect(story.state.guards.get('organization')?.inForce.dailyLimit).to.equal(8n);
    story.guard({}, { setBy: 'owner', cleared: ['dailyLimit', 'perMinute'] });
    story.guard({}, { cleared: ['dailyLimit', 'maxInFlight'] });
    expect([...story.state.guards]).to.deep.equal([]);
  });

  it('are at most so many', () => {
    const story = new Story();
    for (let n = 0; n < Account.GUARDS_MAX; n++)
      story.guard({ maxInFlight: 1 }, { apiKeyId: `key_of_${n}` });
    expect(story.guard({ maxInFlight: 1 }, { apiKeyId: key })).to.equal('TooManyGuards');
    story.guard({}, { apiKeyId: 'key_of_0', cleared: ['maxInFlight'] });
    expect(story.guard({ maxInFlight: 1 }, { apiKeyId: key })).to.equal('SpendingGuardSet');
  });

  it('keep a state that stays small over years, keys and holds', () => {
    const story = new Story(1_000_000_000n);
    story.guard({ perMinute: 1_000_000n });
    for (let n = 0; n < 600; n++) story.settle(story.hold(1n, after(n * DAY), `key_of_${n}`), 1n);
    for (let n = 0; n < 3_000; n++) story.settle(story.hold(1n, after(n)), 1n);
    expect(story.state.spent.size).to.be.at.most(258);
    for (const { days, months, slots } of story.state.spent.values()) {
      expect(Math.max(days.length, months.length)).to.be.at.most(4);
      expect(slots.length).to.be.at.most(1_200);
    }
  });

  it('are never passed and never refuse what fits, as an account of its own counts', () => {
    const holds = fc.record({
      amount: fc.bigInt({ min: 1n, max: 40n }),
      hours: fc.integer({ min: 0, max: 40 }),
      of: fc.constantFrom(key, otherKey),
      ends: fc.constantFrom('stays', 'settles', 'fails'),
    });
    fc.assert(
      fc.property(fc.array(holds, { maxLength: 40 }), (asked) => {
        const story = new Story();
        story.guard({ dailyLimit: 100n, maxInFlight: 6 });
        story.guard({ dailyLimit: 50n }, { apiKeyId: key });
        const counted: { day: string; of: ApiKeyId; amount: bigint; isOpen: boolean }[] = [];
        for (const { amount, hours, of, ends } of asked) {
          const at = after(hours * 3600);
          const day = at.slice(0, 10);
          const sum = (ofKey?: ApiKeyId) =>
            counted
              .filter((one) => one.day === day && (!ofKey || one.of === ofKey))
              .reduce((total, one) => total + one.amount, amount);
          const fits =
            sum() <= 100n &&
            (of !== key || sum(key) <= 50n) &&
            counted.filter(({ isOpen }) => isOpen).length < 6;
          const placed = story.hold(amount, at, of);
          expect(typeof placed === 'number').to.equal(fits);
          if (!fits) continue;
          if (ends === 'settles') story.settle(placed, amount / 2n, after(50 * 3600));
          if (ends === 'fails') story.release(placed);
          const cost = { stays: amount, settles: amount / 2n, fails: 0n }[ends];
          counted.push({ day, of, amount: cost, isOpen: ends === 'stays' });
          const read = Account.initial();
          for (const part of Snapshot.parts(story.state)) Snapshot.readPart(read, part);
          expect(read).to.deep.equal(story.state);
        }
      }),
    );
  });
});

describe('a low balance', () => {
  const alert = (threshold?: bigint): Account.Command => ({
    type: 'SetBalanceAlert',
    organizationId,
    at: noon,
    ...(threshold !== undefined && { threshold }),
  });

  it('is announced once for each time that it falls below the threshold', () => {
    const story = new Story(100n);
    expect(story.do(alert(50n))).to.equal('BalanceAlertSet');
    expect(story.do(alert(50n))).to.equal('alreadyDone');
    expect(story.hold(50n)).to.equal(1);
    expect(story.hold(1n)).to.equal('HoldPlaced,BalanceRanLow');
    expect(story.hold(1n)).to.equal(3);
    expect(story.release(3)).to.equal('HoldReleased');
    expect(story.release(2)).to.equal('HoldReleased');
    expect(story.hold(2n)).to.equal('HoldPlaced,BalanceRanLow');
  });

  it('is announced where an adjustment takes the money', () => {
    const story = new Story(100n);
    story.do(alert(50n));
    const adjust = { type: 'Adjust', organizationId, adjustmentId: 'a', reason: 'r' } as const;
    expect(story.do({ ...adjust, amount: -51n, at: noon })).to.equal('FundsAdjusted,BalanceRanLow');
  });

  it('is not announced to whom had it before, nor without a threshold', () => {
    const story = new Story(100n);
    story.do(alert(200n));
    expect(story.hold(1n)).to.equal(1);
    story.do({ type: 'Deposit', organizationId, topUpId: 'u', amount: 200n, at: noon });
    story.do(alert());
    expect(story.hold(250n)).to.equal(2);
    expect(story.state.alert).to.equal(undefined);
  });
});
