/**
 * R15: what people might pick instead. Restate and ModelRoute do the same work side by side on this
 * machine: a POST with a key of its own and 800 bytes, durably accepted; one HTTP call to the same
 * provider, which takes 2 ms; the result stored and there to be asked for.
 *
 *   R15.accepts, R15.completed       a burst by closed loop; it ends on our side when all is
 *                                    settled and readable, on Restate's with the last handler
 *   R15.latency100, R15.latency300   open loop; from when a request was due to its completion,
 *                                    which we see in the log, looked at every few milliseconds,
 *                                    and Restate answers to a call that waits for its result
 */
import { audit } from '../audit.js';
import type { Cell, Comparison, Side } from '../cell.js';
import { followCompletions, type Completions } from '../completions.js';
import { withDefer } from '../defer.js';
import { closedLoop, openLoop, type LoadRequest } from '../load.js';
import { startRestate, type Restate } from '../restate.js';
import { CLIENTS, type Settings } from '../settings.js';
import { median, percentile } from '../statistics.js';
import { submissionsOf, type Submissions } from '../submissions.js';
import { KEYS, openExecutions, type Executions } from './executions.js';
import { submitToCompleted } from './submit-to-completed.js';
import { startSandboxPart } from './sandbox.js';

const PROVIDER_MS = 2;
const WARM_UP_EXECUTIONS = 1_000;
const INGRESS_SECONDS_MAX = 300;
const RATES = [100, 300] as const;
/** Calls that wait for their result keep a connection each. */
const WAITING_CLIENTS = 512;

export const restate: Cell = {
  ids: ['R15.accepts', 'R15.completed', ...RATES.map((rate) => `R15.latency${rate}`)],
  title: 'Beside Restate',
  open: (bench, wants) =>
    withDefer(async (defer) => {
      const { databases } = bench;
      const sandboxUrl = await startSandboxPart(bench, defer, PROVIDER_MS);
      const theirs = await startRestate(bench, sandboxUrl, defer);
      const databaseUrl = await databases.fresh('restate');
      defer(() => databases.drop(databaseUrl));
      const ours = await openExecutions(bench, { databaseUrl, sandboxUrl }, defer);
      const completions = await followCompletions(databaseUrl);
      defer(() => completions.close());
      const invocations = submissionsOf([{ organizationId: '', apiKey: 'none' }], KEYS);
      const p50 = new Map<string, number[]>();
      const latency = (rate: number): Comparison => {
        const at = { seconds: bench.settings.seconds * 2, rate, p50 };
        return latencyComparison(at, ours, completions, theirs, invocations);
      };
      const comparisons = [
        ...burstComparisons(bench.settings, ours, theirs, invocations),
        ...RATES.map(latency),
      ];
      return {
        comparisons: comparisons.filter(({ id }) => wants(id)),
        async check() {
          const completed = await theirs.completed();
          const differing =
            completed === invocations.made
              ? []
              : [`Restate completed ${completed} of ${invocations.made}`];
          const found = await audit({ databases, databaseUrl, settled: true, sandboxUrl });
          return [...differing, ...(await ours.miscounted()), ...found];
        },
        notes: () => [
          `Restate: ${theirs.version}; both sync their log to disk before they accept`,
          ...[...p50].map(([side, values]) => `${side}: p50 ${median(values).toFixed(1)} ms`),
        ],
      };
    }),
};

function burstComparisons(
  { burst }: Settings,
  ours: Executions,
  theirs: Restate,
  invocations: Submissions,
): Comparison[] {
  const a: Side = {
    name: 'ModelRoute',
    measure: (warmUp) => ours.burst(warmUp ? WARM_UP_EXECUTIONS : burst),
  };
  const b: Side = {
    name: 'Restate',
    async measure(warmUp) {
      const began = performance.now();
      const { answers, perSecond: acceptedPerSecond } = await closedLoop({
        url: theirs.ingress,
        clients: CLIENTS,
        seconds: INGRESS_SECONDS_MAX,
        answersMax: warmUp ? WARM_UP_EXECUTIONS : burst,
        next: () => invocation(invocations.fresh(), '/execution/run/send'),
        accept: (status) => status === 202,
      });
      await theirs.returned(invocations.made);
      return { perSecond: (answers * 1000) / (performance.now() - began), acceptedPerSecond };
    },
  };
  const sides = { a, b, unit: '/s', target: 3 };
  const [accepts, completed] = ['accepts/s, workers on', 'completed/s'].map(
    (what) => `${what} of a burst of ${burst} ÷ Restate`,
  );
  return [
    { id: 'R15.accepts', name: accepts ?? '', ...sides, metric: 'acceptedPerSecond', here: 1 },
    { id: 'R15.completed', name: completed ?? '', ...sides, metric: 'perSecond', here: 2 },
  ];
}

interface LatencyAt {
  readonly seconds: number;
  readonly rate: number;
  /** Of each turn, by side, for the notes. */
  readonly p50: Map<string, number[]>;
}

function latencyComparison(
  at: LatencyAt,
  ours: Executions,
  completions: Completions,
  theirs: Restate,
  invocations: Submissions,
): Comparison {
  const { rate, seconds } = at;
  const a: Side = {
    name: `ModelRoute at ${rate}/s`,
    async measure(warmUp) {
      const latencies = await submitToCompleted(ours, completions, { rate, seconds });
      return told(at, this.name, warmUp, percentiles(latencies));
    },
  };
  const b: Side = {
    name: `Restate at ${rate}/s`,
    async measure(warmUp) {
      const { p50Ms, p99Ms } = await openLoop({
        url: theirs.ingress,
        clients: WAITING_CLIENTS,
        seconds,
        perSecond: rate,
        next: () => invocation(invocations.fresh(), '/execution/run'),
        accept: (status) => status === 200,
      });
      return told(at, this.name, warmUp, { p50Ms, p99Ms });
    },
  };
  const name = `submit→completed p99 at ${rate}/s ÷ Restate`;
  const judged = { metric: 'p99Ms', unit: ' ms', target: 0.7, atMost: true };
  return { id: `R15.latency${rate}`, name, a, b, ...judged };
}

type Percentiles = Readonly<Record<'p50Ms' | 'p99Ms', number>>;

const percentiles = (latencies: readonly number[]): Percentiles => ({
  p50Ms: percentile(latencies, 0.5),
  p99Ms: percentile(latencies, 0.99),
});

function told({ p50 }: LatencyAt, side: string, warmUp: boolean, found: Percentiles): Percentiles {
  if (!warmUp) p50.set(side, [...(p50.get(side) ?? []), found.p50Ms]);
  return found;
}

/** The same bytes as a call of the service; Restate asks for no key of an organization. */
const invocation = ({ headers, ...request }: LoadRequest, path: string): LoadRequest => ({
  ...request,
  path,
  headers: {
    'content-type': 'application/json',
    'idempotency-key': headers['idempotency-key'] ?? '',
  },
});
