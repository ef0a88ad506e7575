/**
 * `make test`: runs all spec files in a few processes side by side, each file once, the longest
 * first. `main.ts pure store` runs specs of those kinds alone.
 *
 * Specs wait most of their time: for what happens within a second, for a process that starts, for a
 * server that was told to be slow. So there are more lanes than cores, and each file takes as much
 * of the machine as it uses while it runs (shares.ts): a whole system more than a store, a cluster
 * most of all. What shares a server runs in one lane.
 *
 * A store or a system that shares two cores with others may miss a deadline that it keeps alone.
 * A few files of those kinds that failed are therefore run once more, each alone, and the report
 * names them as unsteady; many that failed say that something is wrong, and stand.
 */
import { parseArgs } from 'node:util';
import { compileSources } from './compiled.js';
import { openLane, type Lane } from './lane.js';
import { openReport, type Report } from './report.js';
import { openShares, type Shares } from './shares.js';
import { kindOf, KINDS, rememberDurations, specFiles, type Kind } from './spec-files.js';

const LANES: readonly (readonly Kind[])[] = [
  ['cluster', 'system'],
  ['system'],
  ['kafka', 'store', 'pure'],
  ['store', 'pure'],
  ['store', 'pure'],
  ['pure'],
];

/** Files that are run again. */
const AGAIN_MAX = 6;

const { positionals } = parseArgs({ allowPositionals: true });
const wanted = KINDS.filter((kind) => positionals.length === 0 || positionals.includes(kind));
const report = openReport((text) => void process.stdout.write(text));
const shares = openShares(await specFiles(wanted));
await compileSources();
await Promise.all(LANES.map((kinds) => runLane(kinds, shares, report)));
await runAgain(report);
await rememberDurations(report.took());
process.exitCode = report.close() ? 0 : 1;

async function runLane(kinds: readonly Kind[], { take }: Shares, to: Report): Promise<void> {
  let lane: Lane | undefined;
  for (let taken = await take(kinds); taken; taken = await take(kinds)) {
    lane ??= openLane();
    const ran = await lane.run(taken.path);
    taken.giveBack();
    to.add(taken.path, ran);
    if (ran.isLost) lane = undefined;
  }
  await lane?.end().catch((error: Error) => to.addFailure(error.message));
}

async function runAgain(to: Report): Promise<void> {
  const failed = to.failed();
  if (failed.length > AGAIN_MAX) return;
  for (const path of failed.filter((name) => kindOf(name) !== 'pure')) {
    const lane = openLane();
    const ran = await lane.run(path);
    to.again(path, ran);
    if (!ran.isLost) await lane.end().catch((error: Error) => to.addFailure(error.message));
  }
}
