/** `node --import tsx bench/simulate/run.ts`: the tables of docs/scale.md, the same each time. */
import { simulateBurst } from './burst-lag.js';
import { simulateHotAccount, type HotAccount } from './hot-account.js';
import { simulateSkew } from './partition-skew.js';
import { sizeOf, type Cost, type Size } from './sizing.js';

type Row = readonly (string | number)[];

/**
 * A text execution. Bytes are log-shape.ts's; times are the profile's in docs/performance.md: an
 * accept alone 0.281 ms, all roles together 1.094 ms; a read is one of R7's 13,790 a second. How
 * often an execution is read is a guess.
 */
const TEXT: Cost = {
  events: 5,
  notifications: 3,
  eventBytes: 3_621,
  logDiskBytes: 4_997,
  payloadDiskBytes: 1_065,
  readModelDiskBytes: 2_212,
  acceptMs: 0.281,
  workMs: 1.094 - 0.281,
  readMs: 1000 / 13_790,
  reads: 5,
  readModelMs: 0.147 + 0.005,
};

/**
 * Of `make bench` and its profile: an accept costs a process about 0.28 ms, of which the decision
 * is about a tenth; a durable append takes a few milliseconds, a read of what is new about one.
 */
const ACCOUNT: Omit<HotAccount, 'processes' | 'manner'> = {
  callers: 256,
  requestMs: 0.25,
  decideMs: 0.03,
  appendMs: 3,
  readMs: 1,
  forwardMs: 2,
  jitter: 0.3,
  batchMax: 256,
  seconds: 20,
  seed: 'hot account',
};

/** A reader that takes 20,000 events/s in full batches, as the relay or a projector might. */
const READER = { batchFixedMs: 10, batchEachMs: 0.04, batchMax: 1_000, seed: 'burst' };

print('Text executions, by their number', sizes());
print('One account, 256 callers, processes on cores of their own', [
  [
    'processes',
    'manner',
    'accepts/s',
    'of one',
    'lost appends',
    'commands/append',
    'p50 ms',
    'p99 ms',
  ],
  ...hotAccounts(),
]);
print('Streams on partitions: work of the fullest over the mean', [
  ['keys', 'partitions', 'executions (all alike)', 'accounts (Zipf 1)', 'biggest account'],
  ...skews(),
]);
print(`A reader of ${readerPerSecond()} events/s meets ten times the rate for a minute`, [
  ['events/s before', 'in the burst', 'most behind', 'oldest shown', 'caught up after'],
  ...bursts(),
]);

function sizes(): Row[] {
  const scales = [100, 10_000, 1_000_000];
  const sized = scales.map((perSecond) => sizeOf(perSecond, TEXT));
  const row = (name: string, of: (size: Size) => number): Row => [
    name,
    ...sized.map((size) => Number(of(size).toPrecision(3)).toLocaleString('en')),
  ];
  return [
    ['executions/s', ...scales.map((perSecond) => perSecond.toLocaleString('en'))],
    row('events/s', ({ eventsPerSecond }) => eventsPerSecond),
    row('events, MB/s', ({ eventMegabytesPerSecond }) => eventMegabytesPerSecond),
    row('notifications/s', ({ notificationsPerSecond }) => notificationsPerSecond),
    row('log in PostgreSQL, GB/day', ({ logGigabytesPerDay }) => logGigabytesPerDay),
    row('payloads, GB/day', ({ payloadGigabytesPerDay }) => payloadGigabytesPerDay),
    row('read models, GB/day', ({ readModelGigabytesPerDay }) => readModelGigabytesPerDay),
    row('command-api, processes', ({ commandProcesses }) => commandProcesses),
    row('query-api, processes', ({ queryProcesses }) => queryProcesses),
    row('processors and projectors, processes', ({ workProcesses }) => workProcesses),
    row('PostgreSQL for read models, cores', ({ readModelCores }) => readModelCores),
  ];
}

function hotAccounts(): Row[] {
  const one = simulateHotAccount({ ...ACCOUNT, processes: 1, manner: 'hash' }).acceptsPerSecond;
  const cases = [1, 2, 4, 16].flatMap((processes) =>
    (processes === 1 ? (['hash'] as const) : (['race', 'owner', 'hash'] as const)).map(
      (manner) => ({
        processes,
        manner,
      }),
    ),
  );
  return cases.map((of) => {
    const result = simulateHotAccount({ ...ACCOUNT, ...of });
    return [
      ...[of.processes, of.manner, Math.round(result.acceptsPerSecond)],
      (result.acceptsPerSecond / one).toFixed(2),
      `${(100 * result.conflictsPerAppend).toFixed(0)} %`,
      ...[result.commandsPerAppend, result.p50Ms, result.p99Ms].map((value) => value.toFixed(1)),
    ];
  });
}

function skews(): Row[] {
  const sizes = [
    [1_000, 12],
    [100_000, 12],
    [100_000, 120],
    [1_000_000, 1_200],
  ] as const;
  return sizes.map(([keys, partitions]) => {
    const even = simulateSkew({ keys, partitions, zipf: 0, seed: 'skew' });
    const uneven = simulateSkew({ keys, partitions, zipf: 1, seed: 'skew' });
    return [
      ...[keys.toLocaleString('en'), partitions.toLocaleString('en')],
      ...[even.fullestOverMean.toFixed(2), uneven.fullestOverMean.toFixed(2)],
      `${(100 * uneven.biggestKey).toFixed(1)} % of all`,
    ];
  });
}

function bursts(): Row[] {
  return [1_000, 2_500, 5_000, 10_000, 18_000].map((eventsPerSecond) => {
    const burst = { ...READER, eventsPerSecond, times: 10, burstSeconds: 60 };
    const { behindMax, oldestSeconds, caughtUpSeconds } = simulateBurst(burst);
    return [
      ...[eventsPerSecond.toLocaleString('en'), (10 * eventsPerSecond).toLocaleString('en')],
      behindMax.toLocaleString('en'),
      `${oldestSeconds.toFixed(1)} s`,
      caughtUpSeconds === undefined ? 'not in an hour' : `${caughtUpSeconds.toFixed(0)} s`,
    ];
  });
}

function readerPerSecond(): string {
  const { batchFixedMs, batchEachMs, batchMax } = READER;
  const perSecond = (batchMax / (batchFixedMs + batchMax * batchEachMs)) * 1000;
  return Math.round(perSecond).toLocaleString('en');
}

function print(title: string, [head = [], ...rows]: readonly Row[]): void {
  const lines = [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`);
  process.stdout.write(`\n${title}\n\n${lines.join('\n')}\n`);
}
