/**
 * `make test`: runs all spec files in a few processes side by side, each file once.
 *
 * Two lanes run pure specs and those of the stores, one runs whole systems: beside them where there
 * are cores for it, else after them, since deadlines of a store are short and a cluster takes both
 * cores. `main.ts pure store` runs specs of those kinds alone.
 *
 * A store or a system that shares two cores with others may miss a deadline that it keeps alone.
 * A few files of those kinds that failed are therefore run once more, each alone, and the report
 * names them as unsteady; many that failed say that something is wrong, and stand.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { openLane, type Lane } from './lane.js';
import { openReport, type Report } from './report.js';
import {
  kindOf,
  KINDS,
  rememberDurations,
  specFiles,
  type Kind,
  type SpecFile,
} from './spec-files.js';

const STORE_LANES: readonly (readonly Kind[])[] = [
  ['store', 'pure'],
  ['store', 'pure'],
];
const SYSTEM_LANES: readonly (readonly Kind[])[] = [['system']];
const STAGES =
  availableParallelism() > 2 ? [[...STORE_LANES, ...SYSTEM_LANES]] : [STORE_LANES, SYSTEM_LANES];

/** Files that are run again. */
const AGAIN_MAX = 3;

const { positionals } = parseArgs({ allowPositionals: true });
const wanted = KINDS.filter((kind) => positionals.length === 0 || positionals.includes(kind));
const files = [...(await specFiles(wanted))];
const report = openReport((text) => void process.stdout.write(text));
for (const lanes of STAGES) await Promise.all(lanes.map((kinds) => runLane(kinds, report)));
await runAgain(report);
await rememberDurations(report.took());
process.exitCode = report.close() ? 0 : 1;

async function runLane(kinds: readonly Kind[], to: Report): Promise<void> {
  let lane: Lane | undefined;
  for (let file = take(kinds); file; file = take(kinds)) {
    lane ??= openLane();
    const ran = await lane.run(file.path);
    to.add(file.path, ran);
    if (ran.isLost) lane = undefined;
  }
  await lane?.end().catch((error: Error) => to.addFailure(error.message));
}

async function runAgain(to: Report): Promise<void> {
  const failed = to.failed();
  if (failed.length > AGAIN_MAX) return;
  for (const path of failed.filter((name) => kindOf(name) !== 'pure')) {
    const lane = openLane();
    to.again(path, await lane.run(path));
    await lane.end().catch((error: Error) => to.addFailure(error.message));
  }
}

/** The longest that is left of the kinds. */
function take(kinds: readonly Kind[]): SpecFile | undefined {
  const own = files.findIndex(({ kind }) => kinds.includes(kind));
  return own < 0 ? undefined : files.splice(own, 1)[0];
}
