/**
 * R12.executions: completed executions with the log in the event store over gRPC ÷ with the log in
 * PostgreSQL; R12.processor: the processor time of Node for each. All roles in one process. The
 * event store is the protocol double, which writes each append to the disk, where no other one is
 * named; its own processor time is told beside, so that a cheaper double makes no better figure.
 */
import { audit } from '../audit.js';
import type { Bench, Cell, Comparison, Side } from '../cell.js';
import { usedMs } from '../cpu-times.js';
import { withDefer, type Defer } from '../defer.js';
import { openLoop } from '../load.js';
import { startEventStoreDouble } from '../../infra/event-store/testing/double/double.js';
import { CLIENTS } from '../settings.js';
import { median } from '../statistics.js';
import { openExecutions, type Executions, type Place } from './executions.js';
import { startSandboxPart } from './sandbox.js';

const WARM_UP_EXECUTIONS = 1_000;
const LATENCY_SECONDS = 5;
const RATES = [100, 200];

export const eventStoreExecutions: Cell = {
  ids: ['R12.executions', 'R12.processor'],
  title: 'Executions with the log in the event store',
  open: (bench) =>
    withDefer(async (defer) => {
      const { databases } = bench;
      const sandboxUrl = await startSandboxPart(bench, defer);
      const eventStore = await eventStoreOf(bench, defer);
      const open = async (name: string, env: Readonly<Record<string, string>>) => {
        const databaseUrl = await databases.fresh(name);
        defer(() => databases.drop(databaseUrl));
        const place: Place = { databaseUrl, sandboxUrl, env, through: 'readModels' };
        return { place, executions: await openExecutions(bench, place, defer) };
      };
      const env = { EVENTSTORE_URL: eventStore.url };
      const over = await open('over_event_store', env);
      const beside = await open('in_postgresql', {});
      const serverMs: number[] = [];
      const a = sideOf(bench, over.executions, 'executions/s over the event store', {
        pid: eventStore.pid,
        usedMs: serverMs,
      });
      const b = sideOf(bench, beside.executions, 'executions/s in PostgreSQL');
      const latencies: string[] = [];
      return {
        comparisons: comparisonsOf(a, b),
        async check() {
          for (const rate of RATES) latencies.push(await submissionsAt(over.executions, rate));
          const found: string[] = [];
          for (const { place, executions } of [over, beside]) {
            const { databaseUrl, env: parts = {} } = place;
            found.push(...(await executions.miscounted()));
            found.push(...(await audit({ databases, databaseUrl, settled: true, env: parts })));
          }
          return found;
        },
        notes: () => [
          ...latencies,
          ...(serverMs.length > 0
            ? [`the event store took ${median(serverMs).toFixed(2)} ms an execution`]
            : []),
        ],
      };
    }),
};

const comparisonsOf = (a: Side, b: Side): Comparison[] => [
  {
    id: 'R12.executions',
    name: 'completed executions over the event store ÷ in PostgreSQL',
    a,
    b,
    metric: 'perSecond',
    unit: '/s',
    target: 0.7,
    here: 0.5,
  },
  {
    id: 'R12.processor',
    name: 'processor time of Node an execution, the same',
    a,
    b,
    metric: 'nodeMs',
    unit: ' ms',
    target: 1.5,
    here: 2,
    atMost: true,
  },
];

interface EventStoreServer {
  readonly url: string;
  /** Of a server on this machine that we started. */
  readonly pid: number | undefined;
}

async function eventStoreOf({ databases }: Bench, defer: Defer): Promise<EventStoreServer> {
  const named = process.env['EVENTSTORE_URL'];
  if (named) return { url: named, pid: undefined };
  const double = await startEventStoreDouble({ dir: await databases.folder('event-store') });
  defer(() => double.close());
  return { url: double.url, pid: double.pid };
}

interface Server {
  readonly pid: number | undefined;
  /** What it used of the processors for each execution, turn by turn. */
  readonly usedMs: number[];
}

function sideOf(bench: Bench, executions: Executions, name: string, server?: Server): Side {
  let perSecond = 0;
  return {
    name,
    async measure(warmUp) {
      const count = warmUp ? WARM_UP_EXECUTIONS : Math.ceil(perSecond * bench.settings.seconds);
      const before = await usedMs(executions.pid);
      const serverBefore = server?.pid === undefined ? 0 : await usedMs(server.pid);
      ({ perSecond } = await executions.burst(count));
      const nodeMs = ((await usedMs(executions.pid)) - before) / count;
      if (server?.pid !== undefined && !warmUp)
        server.usedMs.push(((await usedMs(server.pid)) - serverBefore) / count);
      return { perSecond, nodeMs };
    },
  };
}

async function submissionsAt(executions: Executions, rate: number): Promise<string> {
  const { p50Ms, p99Ms, answers } = await openLoop({
    url: executions.url,
    clients: CLIENTS,
    seconds: LATENCY_SECONDS,
    perSecond: rate,
    next: executions.submissions.fresh,
    accept: (status) => status === 202,
  });
  executions.addAccepted(answers);
  await executions.settled();
  return `submissions at ${rate}/s: p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
}
