/**
 * R17: accepts while a process beside the command API proves the log, against accepts that nothing
 * proves. Each side is a command API of its own over a database of its own. The processor time is
 * that of the process that accepts; what the proof takes beside it is told in a note, and is part
 * of the rate where the processors of the machine are all in use.
 */
import { audit } from '../audit.js';
import type { ProverConfig } from '../baselines/prover.js';
import type { Bench, Cell, Comparison, Side } from '../cell.js';
import { startPart, type Part } from '../children.js';
import { usedMs } from '../cpu-times.js';
import { withDefer, type Defer } from '../defer.js';
import { closedLoop } from '../load.js';
import { acceptedAllStand } from '../log-check.js';
import { createTenants, startModelRoute } from '../modelroute.js';
import { CLIENTS } from '../settings.js';
import { median } from '../statistics.js';
import { submissionsOf } from '../submissions.js';
import { turnSeconds } from './accepts.js';

const TENANTS = 16;

type Prover = Part<null, object, number>;

export const provenAccepts: Cell = {
  ids: ['R17', 'R17.processor'],
  title: 'Accepts with proofs',
  open: (bench) =>
    withDefer(async (defer) => {
      const proven = await openAccepts(bench, 'proven_accepts', defer);
      const plain = await openAccepts(bench, 'unproven_accepts', defer);
      const config: ProverConfig = { url: proven.databaseUrl };
      const prover = await startPart<null, object, number>('baselines/prover.js', config);
      defer(() => prover.stop());
      const proofMs: number[] = [];
      const a = sideOf(bench, proven, 'accepts/s, proven', { prover, proofMs });
      const b = sideOf(bench, plain, 'accepts/s');
      return {
        comparisons: comparisonsOf(a, b),
        async check() {
          const found: string[] = [];
          for (const { databaseUrl, accepted } of [proven, plain]) {
            found.push(...(await acceptedAllStand(databaseUrl, accepted())));
            const { databases } = bench;
            found.push(...(await audit({ databases, databaseUrl, settled: false })));
          }
          return found;
        },
        notes: () => [`the proof took ${median(proofMs).toFixed(4)} ms an accept, in its process`],
      };
    }),
};

const comparisonsOf = (a: Side, b: Side): Comparison[] => [
  {
    id: 'R17',
    name: 'accepts while the log is proven ÷ while nothing proves it',
    a,
    b,
    metric: 'perSecond',
    unit: '/s',
    target: 0.98,
    here: 0.95,
  },
  {
    id: 'R17.processor',
    name: 'processor time of the command API an accept, the same',
    a,
    b,
    metric: 'nodeMs',
    unit: ' ms',
    target: 1.02,
    here: 1.02,
    atMost: true,
  },
];

type Accepts = Awaited<ReturnType<typeof openAccepts>>;

async function openAccepts({ databases }: Bench, name: string, defer: Defer) {
  const databaseUrl = await databases.fresh(name);
  defer(() => databases.drop(databaseUrl));
  const system = await startModelRoute({ databases, databaseUrl, roles: ['command-api'] });
  defer(() => system.stop());
  const submissions = submissionsOf(await createTenants(system, TENANTS), 'r17');
  let count = 0;
  return {
    databaseUrl,
    pid: system.pid,
    accepted: () => count,
    async accept(seconds: number) {
      const result = await closedLoop({
        url: system.url,
        clients: CLIENTS,
        seconds,
        next: submissions.fresh,
        accept: (status) => status === 202,
      });
      count += result.answers;
      return result;
    },
  };
}

interface Proving {
  readonly prover: Prover;
  /** What it used of the processors for each accept, turn by turn. */
  readonly proofMs: number[];
}

function sideOf(bench: Bench, accepts: Accepts, name: string, proving?: Proving): Side {
  const { pid } = accepts;
  return {
    name,
    async measure(warmUp) {
      const before = await usedMs(pid);
      const proofBefore = proving ? await usedMs(proving.prover.pid) : 0;
      const { perSecond, p99Ms, answers } = await accepts.accept(turnSeconds(bench, warmUp));
      const nodeMs = ((await usedMs(pid)) - before) / answers;
      if (proving) {
        await proving.prover.ask({});
        const took = ((await usedMs(proving.prover.pid)) - proofBefore) / answers;
        if (!warmUp) proving.proofMs.push(took);
      }
      return { perSecond, p99Ms, nodeMs };
    },
  };
}
