/** `rebuild <projection>`, `rebuild --all`. */
import { InvalidEvent } from '../infra/event-store/codec.js';
import { projectionStates } from '../infra/read-store/projection-states.js';
import { secondsLeft, shareDone } from '../infra/read-store/time-left.js';
import { StartError } from '../infra/start-error.js';
import { rebuildProjection } from '../projectors/app.js';
import {
  RebuildUnderWay,
  type RebuildProgress,
  type Rebuilt,
} from '../projectors/engine/rebuild.js';
import { mayPass } from '../projectors/engine/failures.js';
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
    if (name === undefined) return rebuildAll(context, database, known, json);
    const rebuilt = await rebuildIn(context, database, name);
    if (typeof rebuilt === 'string') throw new StartError(`${rebuilt}.`);
    if (rebuilt) context.print(json ? asJson(bodyOf(rebuilt)) : lineOf(rebuilt));
  });
}

/** One that cannot be rebuilt does not keep the others from it. */
async function rebuildAll(
  context: Context,
  database: Database,
  names: readonly string[],
  json: true | undefined,
): Promise<void> {
  const done: object[] = [];
  const failures: string[] = [];
  for (const name of names) {
    const rebuilt = await rebuildIn(context, database, name);
    if (typeof rebuilt === 'string') failures.push(rebuilt);
    else if (rebuilt && json) done.push(bodyOf(rebuilt));
    else if (rebuilt) context.print(lineOf(rebuilt));
  }
  if (json) context.print(asJson({ data: done }));
  if (failures.length > 0) throw new StartError(`Not rebuilt: ${failures.join('; ')}.`);
}

/**
 * Why it could not be rebuilt, where that is about this projection alone. Undefined for one that
 * this release does not have any more.
 */
async function rebuildIn(
  { signal }: Context,
  database: Database,
  name: string,
): Promise<Rebuilt | string | undefined> {
  signal.throwIfAborted();
  const onProgress = showProgress();
  try {
    return await rebuildProjection({ ...database, onProgress, signal }, name, { swap: true });
  } catch (error) {
    if (error instanceof RebuildUnderWay) return `${error.message}, wait for it to end`;
    if (signal.aborted || !(error instanceof Error)) throw error;
    const stays = `${name} cannot be made, and its live rows stay`;
    if (error instanceof InvalidEvent)
      return `${stays}: ${error.message}, at position ${error.position}`;
    if (mayPass(error)) throw error;
    return `${stays}: ${error.message}`;
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
