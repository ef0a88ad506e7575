/**
 * N1: what one tenant can do to another (bench/noisy/experiment.ts). One experiment gives all
 * rows; its windows stand for the rounds of other cells.
 *
 *   N1.waiting, N1.expiry   the quiet tenant's p99 beside the noisy one ÷ its p99 alone
 *   N1.webhook              its latest webhook ÷ 2 s
 *   N1.processor            processor time while everything waits ÷ 5 % of a core
 *   N1.memory, N1.drained   resident memory: the peak ÷ 1 GB, a minute after the drain ÷ the start
 */
import type { Cell, Comparison, Side } from '../cell.js';
import { withDefer } from '../defer.js';
import { runExperiment, type Experiment, type Memory } from '../noisy/experiment.js';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const WEBHOOK_MS_MAX = 2_000;
const CPU_MS_MAX = 50;

export const noisy: Cell = {
  ids: ['N1.waiting', 'N1.expiry', 'N1.webhook', 'N1.processor', 'N1.memory', 'N1.drained'],
  title: 'The noisy neighbour',
  onRequest: true,
  open: (bench, wants) =>
    withDefer(async (defer) => {
      const experiment = await runExperiment(bench, defer, (line) => console.log(line));
      return {
        comparisons: comparisonsOf(experiment).filter(({ id }) => wants(id)),
        check: () => experiment.check(),
        notes: () => experiment.notes,
      };
    }),
};

function comparisonsOf({ alone, waiting, expiry, memory, waitingCpuMs }: Experiment): Comparison[] {
  const quietAlone = recorded('alone', alone);
  const beside = recorded('beside the waiting', waiting);
  const latency = { b: quietAlone, metric: 'p99Ms', unit: ' ms', atMost: true };
  const p99 = 'p99 submit→completed at 50/s';
  return [
    { id: 'N1.waiting', name: `${p99}, others wait ÷ alone`, a: beside, ...latency, target: 2 },
    {
      id: 'N1.expiry',
      name: `${p99}, others expire at once ÷ alone`,
      a: recorded('beside the expiring', expiry),
      ...latency,
      target: 4,
    },
    {
      ...within('N1.webhook', 'latest webhook ÷ 2 s', 'webhookMs', ' ms'),
      a: beside,
      b: limit({ webhookMs: WEBHOOK_MS_MAX }),
    },
    ...(waitingCpuMs === undefined ? [] : [processorRow(waitingCpuMs)]),
    ...(memory ? memoryRows(memory) : []),
  ];
}

const processorRow = (cpuMs: number): Comparison => ({
  ...within('N1.processor', 'processor time, all wait ÷ 5 % of a core', 'cpuMs', ' ms/s'),
  a: recorded('while all wait', [{ cpuMs }]),
  b: limit({ cpuMs: CPU_MS_MAX }),
});

function memoryRows({ startBytes, peakBytes, drainedBytes }: Memory): Comparison[] {
  const side = (name: string, bytes: number) => recorded(name, [{ mib: bytes / MIB }]);
  return [
    {
      ...within('N1.memory', 'resident memory, peak ÷ 1 GiB', 'mib', ' MiB'),
      a: side('peak', peakBytes),
      b: limit({ mib: GIB / MIB }),
    },
    {
      ...within('N1.drained', 'resident memory, 60 s after the drain ÷ start', 'mib', ' MiB'),
      a: side('drained', drainedBytes),
      b: side('start', startBytes),
      target: 1.2,
    },
  ];
}

const within = (id: string, name: string, metric: string, unit: string) => ({
  id,
  name,
  metric,
  unit,
  target: 1,
  atMost: true,
});

/** The samples of a run that is over, one a round. */
function recorded(name: string, samples: readonly Readonly<Record<string, number>>[]): Side {
  let round = 0;
  return {
    name,
    async measure(warmUp) {
      const sample = samples[warmUp ? 0 : round++ % samples.length];
      if (!sample) throw new Error(`${name} was not measured`);
      return sample;
    },
  };
}

const limit = (sample: Readonly<Record<string, number>>): Side => recorded('at most', [sample]);
