/** A model's routes, prices and costs in the catalogue that was in force then. */
import { StartError } from '../../infra/start-error.js';
import type { Cut } from '../../query-api/as-of/cut.js';
import { openModelsThen } from '../../query-api/as-of/model-then.js';
import type { ReplayInfra } from './infra.js';

export async function modelReplayed(infra: ReplayInfra, slug: string, cut: Cut) {
  const then = await openModelsThen(infra)(slug, cut);
  if (!then) throw new StartError(`The catalogue of then had no model ${slug}.`);
  return { catalogue_version: then.version, ...then.model };
}
