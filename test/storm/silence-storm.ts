/**
 * The part of `make storm` in which every part that a system talks to falls silent in turn, under
 * load: PostgreSQL, the event store, Kafka, the S3 store, a provider, a receiver.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd } from '../../testing/at-end.js';
import { faultsTable, struckLine } from '../cluster/faults-table.js';
import { runFaults, type Struck } from '../cluster/run-faults.js';
import { silencesOf, startBehindProxies } from './silent-parts.js';

const { env } = process;
const silentMs = Number(env['STORM_SILENCE_MS'] ?? 30_000);
const wanted = new RegExp(env['STORM_FAULTS'] ?? '');
/** What waited meanwhile comes first. */
const RECOVERY_MS_MAX = 60_000;
/** Two seconds, and what a machine takes on which everything runs at once. */
const ANSWER_MS_MAX = 4_000;
const EXECUTIONS = 1_000;
const LANES = 12;

interface SilenceStorm {
  readonly seed: string;
  /** Every role as processes of its own, on what this names. */
  readonly cluster?: string;
}

/** The number of findings, which are printed. */
export async function silenceStorm({ seed, cluster }: SilenceStorm): Promise<number> {
  if (silentMs === 0) return 0;
  const folder = await mkdtemp(join(tmpdir(), 'modelroute-silence-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  const services = ['eventstore', 'kafka', 's3'] as const;
  const behind = await startBehindProxies(folder, { services, ...(cluster && { cluster }) });
  const { system, proxies, receiver, receiverUrl } = behind;
  console.log(`silence, ${cluster ? 'a cluster' : 'one process'}; STORM_SEED=${seed}`);
  const report = await runFaults(system, {
    seed,
    faults: silencesOf(proxies, silentMs).filter(({ name }) => wanted.test(name)),
    receiver,
    receiverUrl,
    executions: EXECUTIONS,
    lanes: LANES,
    pauseMs: [50, 300],
    calmMs: 2_000,
    isAlone: true,
    onStruck: (struck) => console.log(struckLine(struck)),
  });
  console.log(faultsTable(report));
  const code = await system.stop();
  const wrong = [...report.findings, ...report.struck.flatMap(tooLate)];
  if (report.verify.code !== 0) wrong.push(report.verify.output);
  if (code !== 0) wrong.push(`it ended with ${code}`);
  for (const one of wrong.slice(0, 100)) console.log(`FINDING ${one}`);
  return wrong.length;
}

const tooLate = ({ fault, recoveredInMs, slowestMs }: Struck): readonly string[] => [
  ...(recoveredInMs > RECOVERY_MS_MAX ? [`after ${fault}: ${recoveredInMs} ms`] : []),
  ...(slowestMs > ANSWER_MS_MAX ? [`${fault}: somebody waited ${slowestMs} ms`] : []),
];
