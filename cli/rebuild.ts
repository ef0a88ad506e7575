/** `rebuild <projection>`, `rebuild --all`. */
import { InvalidEvent } from '../infra/event-store/codec.js';
import { projectionStates } from '../infra/read-store/projection-states.js';
import { secondsLeft, shareDone } from '../infra/read-store/time-left.js';
import { StartError } from '../infra/start-error.js';
import { rebuildProjections } from '../projectors/app.js';
import {
  RebuildUnderWay,
  type RebuildProgress,
  type Rebuilt,
} from '../projectors/engine/rebuild.js';
import type { Context } from './context.js';
import { withDatabase } from '../runtime/open-database.js';
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
    const failures: string[] = [];
    const names = name === undefined ? known : [name];
    const { signal } = context;
    const rebuilding = { ...database, onProgress: showProgress(), signal };
    for await (const outcome of rebuildProjections(rebuilding, names, { swap: true })) {
      if ('error' in outcome) failures.push(failureOf(context, outcome.name, outcome.error));
      else if (json) done.push(bodyOf(outcome.rebuilt));
      else context.print(lineOf(outcome.rebuilt));
    }
    if (json && name === undefined) context.print(asJson({ data: done }));
    else if (json) for (const body of done) context.print(asJson(body));
    const [failure] = failures;
    if (failure !== undefined)
      throw new StartError(
        name === undefined ? `Not rebuilt: ${failures.join('; ')}.` : `${failure}.`,
      );
  });
}

/** Why it could not be rebuilt; throws what is not about this projection alone. */
function failureOf({ signal }: Context, name: string, error: unknown): string {
  if (error instanceof RebuildUnderWay) return `${error.message}, wait for it to end`;
  if (signal.aborted || !(error instanceof Error)) throw error;
  const stays = `${name} cannot be made, and its live rows stay`;
  if (error instanceof InvalidEvent)
    return `${stays}: ${error.message}, at position ${error.position}`;
  return `${stays}: ${error.message}`;
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
    const { names, events, elapsedMs } = progress;
    const [first = '', ...others] = names;
    const what = others.length === 0 ? first : `${names.length} projections`;
    if (elapsedMs < shownAtMs + SHOWN_EVERY_MS) return;
    shownAtMs = elapsedMs;
    const percent = Math.floor(shareDone(progress) * 100);
    const left = secondsLeft(progress);
    const about = left === undefined ? '' : `, about ${left} s left`;
    process.stderr.write(`${what}: ${percent} %, ${events} events${about}\n`);
  };
}
