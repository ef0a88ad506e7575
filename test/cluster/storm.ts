/**
 * The cluster's part of `make storm`: every fault in turn under load, then every process replaced
 * under a steady 100 requests a second, then the auditor.
 *
 * STORM_EXECUTIONS (20000), STORM_LANES (24), STORM_SEED (the time), STORM_FAULTS (a pattern of
 * names), STORM_ROLLING (1; 0 leaves it out), STORM_LOG (a file for the cluster's log). In another
 * cluster every part falls silent in turn, for STORM_SILENCE_MS (30000; 0 leaves that out).
 */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd, runEndings } from '../../testing/at-end.js';
import { newTenant } from '../../testing/client.js';
import { startSystem, type System } from '../../testing/system.js';
import { writeStormCatalogue } from '../storm/catalogue.js';
import { silenceStorm } from '../storm/silence-storm.js';
import { faultsTable, struckLine } from './faults-table.js';
import { faultsOf } from './faults.js';
import { isReplica, leversOf } from './levers.js';
import { rollingRestart } from './rolling.js';
import { runFaults } from './run-faults.js';
import { tableOf } from './table.js';

const { env } = process;
const executions = Number(env['STORM_EXECUTIONS'] ?? 20_000);
const lanes = Number(env['STORM_LANES'] ?? 24);
const seed = env['STORM_SEED'] ?? String(Date.now());
const wanted = new RegExp(env['STORM_FAULTS'] ?? '');
const PER_SECOND = 100;
const RECOVERY_MS_MAX = 30_000;

/** What the issue of the cluster names. */
const TIMES = { brokerMs: 20_000, filesMs: 10_000, frozenMs: 20_000 };

const wrong: string[] = [];
try {
  const system = await start();
  console.log(`a cluster in bad weather: ${executions} executions; STORM_SEED=${seed}`);
  await breakInTurn(system);
  if (env['STORM_ROLLING'] !== '0') await replaceInTurn(system);
  const code = await system.stop();
  if (code !== 0) wrong.push(`the cluster ended with ${code}`);
  const findings = await silenceStorm({ seed, cluster: env['MODELROUTE_CLUSTER'] ?? 'full' });
  if (findings > 0) wrong.push(`${findings} findings after silence`);
} finally {
  await runEndings();
}
for (const one of wrong.slice(0, 100)) console.log(`FINDING ${one}`);
process.exitCode = wrong.length === 0 ? 0 : 1;

async function start(): Promise<System> {
  const folder = await mkdtemp(join(tmpdir(), 'modelroute-cluster-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  const log = env['STORM_LOG'] ? createWriteStream(env['STORM_LOG']) : undefined;
  return startSystem({
    cluster: env['MODELROUTE_CLUSTER'] ?? 'full',
    env: { MODELROUTE_CATALOGUE: await writeStormCatalogue(folder) },
    onLine: (line) => void log?.write(`${line}\n`),
  });
}

async function breakInTurn(system: System): Promise<void> {
  const report = await runFaults(system, {
    seed,
    executions,
    lanes,
    pauseMs: [200, 600],
    calmMs: 2_000,
    isAlone: true,
    faults: faultsOf(system, TIMES).filter(({ name }) => wanted.test(name)),
    onStruck: (struck) => console.log(struckLine(struck)),
  });
  console.log(faultsTable(report));
  wrong.push(...report.findings);
  if (report.verify.code !== 0) wrong.push(report.verify.output);
  for (const { fault, recoveredInMs } of report.struck)
    if (recoveredInMs > RECOVERY_MS_MAX) wrong.push(`after ${fault}: ${recoveredInMs} ms`);
}

async function replaceInTurn(system: System): Promise<void> {
  const tenants = await Promise.all([newTenant(system, '1000'), newTenant(system, '1000')]);
  const parts = leversOf(system).parts().filter(isReplica).toSorted();
  const report = await rollingRestart(system, { perSecond: PER_SECOND, parts, tenants });
  const { replaced, sent, cured, failed, slowestMs } = report;
  console.log(
    tableOf(
      ['replaced', 'ms'],
      replaced.map(({ name, ms }) => [name, ms]),
    ),
  );
  console.log(`${sent} requests at ${PER_SECOND}/s, slowest ${slowestMs} ms`);
  console.log(`${cured.length} failed once and were cured by one retry, ${failed.length} were not`);
  for (const one of cured.slice(0, 20)) console.log(`  ${one}`);
  wrong.push(...failed);
}
