/**
 * `make test`: runs all spec files in a few processes side by side, each file once.
 *
 * Two lanes prefer pure specs and those of the stores, one prefers whole systems; a lane that runs
 * out of its own takes over what is left. `main.ts pure store` runs specs of those kinds alone.
 */
import { parseArgs } from 'node:util';
import { openLane, type Lane } from './lane.js';
import { openReport, type Report } from './report.js';
import { KINDS, rememberDurations, specFiles, type Kind, type SpecFile } from './spec-files.js';

const LANES: readonly (readonly Kind[])[] = [['store', 'pure'], ['store', 'pure'], ['system']];

const { positionals } = parseArgs({ allowPositionals: true });
const wanted = KINDS.filter((kind) => positionals.length === 0 || positionals.includes(kind));
const files = [...(await specFiles(wanted))];
const report = openReport((text) => void process.stdout.write(text));
const lanes = LANES.filter((kinds) => kinds.some((kind) => wanted.includes(kind)));
await Promise.all(lanes.map((kinds) => runLane(kinds, report)));
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

/** The longest that is left of the kinds, or else of any. */
function take(kinds: readonly Kind[]): SpecFile | undefined {
  const own = files.findIndex(({ kind }) => kinds.includes(kind));
  const [file] = files.splice(Math.max(0, own), 1);
  return file;
}
