/**
 * `make storm`: a long storm. STORM_KILLS (50) of each of STORM_STRIKES (process, everything,
 * postmaster, backends, restart), STORM_LANES (24), STORM_SEED (the time). Then every part that the
 * process talks to falls silent in turn, for STORM_SILENCE_MS (30000; 0 leaves that out), and then
 * providers misbehave in every way, for STORM_PROVIDER_SECONDS each (10; 0 leaves that out; those
 * of STORM_PROVIDER_FAULTS alone).
 */
import { runEndings } from '../../testing/at-end.js';
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

console.log(`storm of ${kills} times ${kinds.join(', ')}; STORM_SEED=${seed}`);
const strikes = kinds.flatMap((kind) => Array.from({ length: kills }, () => kind));
try {
  const report = await runStorm({ seed, strikes, lanes });
  console.log(tableOf(report));
  for (const finding of report.findings.slice(0, 100)) console.log(`FINDING ${finding}`);
  if (report.verify.code !== 0) console.log(report.verify.output);
  const silenceFindings = await silenceStorm({ seed });
  const findings = report.findings.length + silenceFindings + (await providerStorm());
  process.exitCode = findings === 0 && report.verify.code === 0 ? 0 : 1;
} finally {
  await runEndings();
}
