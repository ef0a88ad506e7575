import { expect } from 'chai';
import { randomFrom } from '../../testing/random.js';
import { simulateBurst, type Burst } from './burst-lag.js';
import { openHappenings } from './happenings.js';
import { simulateHotAccount, type HotAccount } from './hot-account.js';
import { simulateSkew } from './partition-skew.js';
import { sizeOf } from './sizing.js';

const within = (share: number, of: number): [number, number] => [
  of * (1 - share),
  of * (1 + share),
];

describe('simulated: what happens', () => {
  it('happens in order of time, and of asking where times are the same', () => {
    const time = openHappenings();
    const random = randomFrom('happenings');
    const asked = Array.from({ length: 500 }, (_, n) => ({ n, atMs: random.between(0, 50) }));
    const seen: { n: number; atMs: number }[] = [];
    for (const { n, atMs } of asked) time.after(atMs, () => seen.push({ n, atMs: time.nowMs() }));
    time.runUntil(49);
    expect(seen).to.deep.equal(
      asked
        .filter(({ atMs }) => atMs <= 49)
        .toSorted((one, other) => one.atMs - other.atMs || one.n - other.n),
    );
    expect(time.nowMs()).to.equal(49);
  });
});

describe('simulated: one hot account', () => {
  const settings: HotAccount = {
    processes: 1,
    manner: 'hash',
    callers: 64,
    requestMs: 0.2,
    decideMs: 0.05,
    appendMs: 3,
    readMs: 1,
    forwardMs: 2,
    jitter: 0.3,
    batchMax: 64,
    seconds: 2,
    seed: 'spec',
  };

  it('is the same each time', () => {
    const racing: HotAccount = { ...settings, processes: 3, manner: 'race' };
    expect(simulateHotAccount(racing)).to.deep.equal(simulateHotAccount(racing));
  });

  for (const manner of ['race', 'owner', 'hash'] as const)
    it(`has in its stream what was accepted, and no more than is on its way: ${manner}`, () => {
      const { accepted, revision } = simulateHotAccount({ ...settings, processes: 4, manner });
      expect(accepted).to.be.greaterThan(1_000);
      expect(revision).to.be.within(accepted, accepted + settings.callers);
    });

  it('is bound by the processor where appends cost nothing', () => {
    const { acceptsPerSecond } = simulateHotAccount({ ...settings, appendMs: 0.001 });
    expect(acceptsPerSecond).to.be.within(...within(0.02, 1000 / 0.25));
  });

  it('is bound by appends where one command goes at a time', () => {
    const slow = { ...settings, batchMax: 1, jitter: 0 };
    const { acceptsPerSecond, commandsPerAppend } = simulateHotAccount(slow);
    // While one append is out, requests take their time of the processor: it is hidden behind it.
    expect(acceptsPerSecond).to.be.within(1000 / (3 + 0.05 + 0.4), 1000 / 3);
    expect(commandsPerAppend).to.be.within(1, 1.01);
  });

  it('loses appends only where processes race, the more of them the more', () => {
    const lost = (processes: number, manner: HotAccount['manner']) =>
      simulateHotAccount({ ...settings, processes, manner }).conflictsPerAppend;
    expect([lost(1, 'race'), lost(8, 'owner'), lost(8, 'hash')]).to.deep.equal([0, 0, 0]);
    expect(lost(2, 'race')).to.be.greaterThan(0.1);
    expect(lost(8, 'race')).to.be.greaterThan(lost(2, 'race'));
  });
});

describe('simulated: streams on partitions', () => {
  it('puts all on one when there is one', () => {
    const { fullestOverMean, empty } = simulateSkew({ keys: 9, partitions: 1, zipf: 1, seed: 's' });
    expect(fullestOverMean).to.be.closeTo(1, 1e-12);
    expect(empty).to.equal(0);
  });

  it('is even for many keys that are alike, by the spread of chance', () => {
    const keys = 1_000_000;
    const partitions = 100;
    const { fullestOverMean } = simulateSkew({ keys, partitions, zipf: 0, seed: 'even' });
    const deviation = Math.sqrt(partitions / keys);
    expect(fullestOverMean).to.be.within(1 + deviation, 1 + 5 * deviation);
  });

  it('is never below the share of the biggest key', () => {
    const partitions = 50;
    const result = simulateSkew({ keys: 10_000, partitions, zipf: 1, seed: 'uneven' });
    const harmonic = Array.from({ length: 10_000 }, (_, n) => 1 / (n + 1)).reduce((a, b) => a + b);
    expect(result.biggestKey).to.be.closeTo(1 / harmonic, 1e-12);
    expect(result.fullestOverMean).to.be.at.least(result.biggestKey * partitions);
  });

  it('leaves partitions empty where there are few keys', () => {
    expect(simulateSkew({ keys: 3, partitions: 10, zipf: 0, seed: 'few' }).empty).to.be.within(
      7,
      9,
    );
  });
});

describe('simulated: a reader in a burst', () => {
  const settings: Burst = {
    eventsPerSecond: 1_000,
    times: 10,
    burstSeconds: 20,
    batchFixedMs: 5,
    batchEachMs: 0.2,
    batchMax: 500,
    seed: 'spec',
  };
  const capacity = (500 / 105) * 1000;

  it('falls behind by what it cannot take, and catches up with what it has to spare', () => {
    const result = simulateBurst(settings);
    expect(result.capacityPerSecond).to.be.closeTo(capacity, 1e-9);
    expect(result.behindMax).to.be.within(...within(0.03, (10_000 - capacity) * 20));
    const calm = result.behindMax / (capacity - 1_000);
    expect(result.caughtUpSeconds).to.be.within(...within(0.05, calm));
    // The last event of the burst waits for all that came before it.
    const oldest = 20 * (10_000 / capacity - 1);
    expect(result.oldestSeconds).to.be.within(...within(0.05, oldest));
  });

  it('does not fall behind below its capacity', () => {
    const { oldestSeconds, caughtUpSeconds } = simulateBurst({ ...settings, times: 4 });
    expect(oldestSeconds).to.be.below(0.25);
    expect(caughtUpSeconds).to.be.below(0.25);
  });

  it('does not catch up where the calm is more than it can take', () => {
    const { caughtUpSeconds } = simulateBurst({ ...settings, eventsPerSecond: 5_000, times: 1.1 });
    expect(caughtUpSeconds).to.equal(undefined);
  });

  it('reads what was appended, and is the same each time', () => {
    const result = simulateBurst(settings);
    expect(result.read).to.be.within(result.appended - 500, result.appended);
    expect(simulateBurst(settings)).to.deep.equal(result);
  });
});

describe('sizes', () => {
  const cost = {
    events: 5,
    notifications: 3,
    eventBytes: 2_000,
    logDiskBytes: 4_000,
    payloadDiskBytes: 1_000,
    readModelDiskBytes: 500,
    acceptMs: 0.65,
    readMs: 0.13,
    workMs: 1.3,
    reads: 5,
    readModelMs: 0.2,
  };

  it('are the cost of one times how many there are, with room left in each process', () => {
    expect(sizeOf(10_000, cost)).to.deep.equal({
      eventsPerSecond: 50_000,
      notificationsPerSecond: 30_000,
      eventMegabytesPerSecond: 20,
      logGigabytesPerDay: 3_456,
      payloadGigabytesPerDay: 864,
      readModelGigabytesPerDay: 432,
      commandProcesses: 10,
      queryProcesses: 10,
      workProcesses: 20,
      readModelCores: 2,
    });
  });

  it('have two of each process at least', () => {
    const { commandProcesses, queryProcesses, workProcesses } = sizeOf(1, cost);
    expect([commandProcesses, queryProcesses, workProcesses]).to.deep.equal([2, 2, 2]);
  });
});
