/** A rebuild of one projection, for specs. */
import type { Projection } from '../engine/projection.js';
import { rebuildAll, type Rebuilding, type Rebuilt } from '../engine/rebuild.js';

/** Throws what kept it from being rebuilt. */
export async function rebuild(
  rebuilding: Rebuilding,
  projection: Projection,
  options: { readonly swap: boolean },
): Promise<Rebuilt> {
  for await (const outcome of rebuildAll(rebuilding, [projection], options)) {
    if ('error' in outcome) throw outcome.error;
    return outcome.rebuilt;
  }
  throw new Error(`nothing became of the rebuild of ${projection.name}`);
}
