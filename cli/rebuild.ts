/** `rebuild <projection>`. */
import { projectionStates } from '../infra/read-store/projection-states.js';
import { StartError } from '../infra/start-error.js';
import { rebuildProjection } from '../projectors/app.js';
import { RebuildUnderWay, type Rebuilt } from '../projectors/engine/rebuild.js';
import type { Context } from './context.js';
import { withDatabase, type Database } from '../runtime/open-database.js';
import { asJson } from './table.js';

export async function rebuild(
  context: Context,
  name: string,
  { json }: { readonly json?: true },
): Promise<void> {
  const rebuilt = await withDatabase(context.config(), (database) => rebuildIn(database, name));
  const { position, events, seconds, comparison } = rebuilt;
  if (json)
    return context.print(
      asJson({
        projection: name,
        position: `${position}`,
        events,
        seconds,
        rows: comparison ? `${comparison.rebuilt.rows}` : null,
        equal_before: comparison?.equal ?? null,
      }),
    );
  const before = !comparison
    ? 'the live rows could not be compared with it'
    : comparison.equal
      ? `its ${comparison.rebuilt.rows} rows were equal to the live ones`
      : 'it differed from the live rows, which it has replaced';
  context.print(
    `${name}: ${events} events up to position ${position} in ${seconds.toFixed(1)} s; ${before}`,
  );
}

async function rebuildIn(database: Database, name: string): Promise<Rebuilt> {
  try {
    const rebuilt = await rebuildProjection(database, name, { swap: true });
    if (rebuilt) return rebuilt;
  } catch (error) {
    if (!(error instanceof RebuildUnderWay)) throw error;
    throw new StartError(`${error.message}: wait for it to end.`);
  }
  const names = (await projectionStates(database.readStore)).map((state) => state.name);
  throw new StartError(`There is no projection ${name}: name one of ${names.join(', ')}.`);
}
