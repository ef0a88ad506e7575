/** `rebuild <projection>`, `rebuild --all`. */
import { projectionStates } from '../infra/read-store/projection-states.js';
import { secondsLeft, shareDone } from '../infra/read-store/time-left.js';
import { StartError } from '../infra/start-error.js';
import { rebuildProjection } from '../projectors/app.js';
import {
  RebuildUnderWay,
  type RebuildProgress,
  type Rebuilt,
} from '../projectors/engine/rebuild.js';
import type { Context } from './context.js';
import { withDatabase, type Database } from '../runtime/open-database.js';
import { asJson } from './table.js';

interface RebuildOptions {
  readonly all?: true;
  readonly json?: true;
}

export async function rebuild(
  context: Context,
  name: string | undefined,
  { all, json }: RebuildOptions,
): Promise<void> {
  if ((name === undefined) === (all === undefined))
    throw new StartError('Name a projection, or say --all.');
  await withDatabase(context.config(), async (database) => {
    const known = (await projectionStates(database.readStore)).map((state) => state.name);
    if (name !== undefined && !known.includes(name))
      throw new StartError(`There is no projection ${name}: name one of ${known.join(', ')}.`);
    const done: object[] = [];
    for (const one of name === undefined ? known : [name]) {
      if (context.signal.aborted) return;
      const rebuilt = await rebuildIn(database, one);
      if (!rebuilt) continue;
      if (json) done.push(bodyOf(rebuilt));
      else context.print(lineOf(rebuilt));
    }
    if (json) context.print(asJson(all ? { data: done } : done[0]));
  });
}

/** Undefined for a projection that this release does not have any more. */
async function rebuildIn(database: Database, name: string): Promise<Rebuilt | undefined> {
  const onProgress = showProgress();
  try {
    return await rebuildProjection({ ...database, onProgress }, name, { swap: true });
  } catch (error) {
    if (!(error instanceof RebuildUnderWay)) throw error;
    throw new StartError(`${error.message}: wait for it to end.`);
  }
}

const bodyOf = ({ name, position, events, seconds, comparison }: Rebuilt) => ({
  projection: name,
  position: `${position}`,
  events,
  seconds,
  rows: comparison ? `${comparison.rebuilt.rows}` : null,
  checksum: comparison?.rebuilt.checksum ?? null,
  equal_before: comparison?.equal ?? null,
});

function lineOf({ name, position, events, seconds, comparison }: Rebuilt): string {
  const before = !comparison
    ? 'the live rows could not be compared with it'
    : comparison.equal
      ? `its ${comparison.rebuilt.rows} rows were equal to the live ones`
      : 'it differed from the live rows, which it has replaced';
  const took = `${events} events up to position ${position} in ${seconds.toFixed(1)} s`;
  return `${name}: ${took}; ${before}`;
}

const SHOWN_EVERY_MS = 2_000;

/** On stderr, for who waits: nothing of a rebuild that is done soon. */
function showProgress(): (progress: RebuildProgress) => void {
  let shownAtMs = 0;
  return (progress) => {
    const { name, events, elapsedMs } = progress;
    if (elapsedMs < shownAtMs + SHOWN_EVERY_MS) return;
    shownAtMs = elapsedMs;
    const percent = Math.floor(shareDone(progress) * 100);
    const left = secondsLeft(progress);
    const about = left === undefined ? '' : `, about ${left} s left`;
    process.stderr.write(`${name}: ${percent} %, ${events} events${about}\n`);
  };
}
