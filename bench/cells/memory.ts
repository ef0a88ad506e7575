/**
 * R14: resident memory of the all-in-one process after so many executions (BENCH_MEMORY, a million
 * unless it is set) against that after a hundredth of them. What grows with the log would show.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { audit } from '../audit.js';
import type { Cell, Side } from '../cell.js';
import { withDefer } from '../defer.js';
import { openExecutions, type Executions } from './executions.js';
import { startSandboxPart } from './sandbox.js';

const BURST = 10_000;
const NOTED = 10;
/** Idle for so long before memory is read. */
const REST_MS = 5_000;
const MIB = 1024;

export const memory: Cell = {
  ids: ['R14'],
  title: 'Resident memory',
  onRequest: true,
  open: (bench) =>
    withDefer(async (defer) => {
      const { databases, settings } = bench;
      const sandboxUrl = await startSandboxPart(bench, defer);
      const databaseUrl = await databases.fresh('memory');
      defer(() => databases.drop(databaseUrl));
      const ours = await openExecutions(bench, { databaseUrl, sandboxUrl }, defer);
      const [few, many] = [Math.ceil(settings.memoryExecutions / 100), settings.memoryExecutions];
      const early = await residentAfter(ours, few);
      const noted: string[] = [];
      let late = early;
      for (let part = 1; part <= NOTED; part++) {
        late = await residentAfter(ours, Math.ceil((many * part) / NOTED));
        noted.push(`${ours.accepted()}: ${late.toFixed(0)} MiB`);
        console.log(`    ${noted.at(-1)}`);
      }
      const side = (count: number, mib: number): Side => ({
        name: `after ${count}`,
        measure: async () => ({ mib }),
      });
      return {
        comparisons: [
          {
            id: 'R14',
            name: `resident memory after ${many} executions ÷ after ${few}`,
            a: side(many, late),
            b: side(few, early),
            metric: 'mib',
            unit: ' MiB',
            target: 1.3,
            atMost: true,
          },
        ],
        async check() {
          const found = await audit({ databases, databaseUrl, settled: false, sandboxUrl });
          return [...(await ours.miscounted()), ...found];
        },
        notes: () => [`resident memory after so many executions: ${noted.join(', ')}`],
      };
    }),
};

/** In MiB, once so many were made in all. */
async function residentAfter(ours: Executions, count: number): Promise<number> {
  while (ours.accepted() < count) await ours.burst(Math.min(BURST, count - ours.accepted()));
  await pause(REST_MS);
  const status = await readFile(`/proc/${ours.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) / MIB;
}
