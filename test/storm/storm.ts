/**
 * `make storm`: a long storm. STORM_KILLS (50; 0 leaves it out) of each of STORM_STRIKES (process,
 * everything, postmaster, backends, restart), STORM_LANES (24), STORM_SEED (the time). Then every
 * part that the process talks to falls silent in turn, for STORM_SILENCE_MS (30000; 0 leaves that
 * out), and then providers misbehave in every way, for STORM_PROVIDER_SECONDS each (10; 0 leaves
 * that out; those of STORM_PROVIDER_FAULTS alone). Then the event store stalls and its leader goes,
 * each kind of stall for STORM_STORE_SECONDS (60; 0 leaves that out; those of STORM_STORE_FAULTS
 * alone). At last STORM_EXPORTS audit exports (2000; 0 leaves that out).
 */
import { runEndings } from '../../testing/at-end.js';
import { eventStoreStorm } from './event-store-storm.js';
import { exportStorm } from './export-storm.js';
import { providerStorm } from './provider-storm.js';
import { runStorm, type Strike } from './run-storm.js';
import { silenceStorm } from './silence-storm.js';
import { tableOf } from './table.js';

const { env } = process;
const kills = Number(env['STORM_KILLS'] ?? 50);
const kinds = (env['STORM_STRIKES'] ?? 'process,everything,postmaster,backends,restart').split(
  ',',
) as Strike[];
const lanes = Number(env['STORM_LANES'] ?? 24);
const seed = env['STORM_SEED'] ?? String(Date.now());

try {
  const findings =
    (await manyStrikes()) +
    (await silenceStorm({ seed })) +
    (await providerStorm()) +
    (await eventStoreStorm()) +
    (await exportStorm(seed));
  process.exitCode = findings === 0 ? 0 : 1;
} finally {
  await runEndings();
}

/** The number of findings, which are printed. */
async function manyStrikes(): Promise<number> {
  if (kills === 0) return 0;
  console.log(`storm of ${kills} times ${kinds.join(', ')}; STORM_SEED=${seed}`);
  const strikes = kinds.flatMap((kind) => Array.from({ length: kills }, () => kind));
  const report = await runStorm({ seed, strikes, lanes });
  const { findings, verify } = report;
  console.log(tableOf(report));
  for (const finding of findings.slice(0, 100)) console.log(`FINDING ${finding}`);
  if (verify.code !== 0) console.log(verify.output);
  return findings.length + (verify.code === 0 ? 0 : 1);
}
