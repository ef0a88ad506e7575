/**
 * The models that a submission asks for: whether its input can be done there, on which routes, and
 * what that may cost at most. A refusal names the field that stands in the way.
 */
import type { Promises } from '../../contracts/catalogue/capabilities.js';
import type { Catalogue, Model } from '../../contracts/catalogue/catalogue.js';
import type { ErrorDetail } from '../../contracts/error-codes.js';
import type { Usage } from '../../contracts/events/execution.js';
import type { SubmitBody } from '../../contracts/http/post-executions.js';
import type { Micros } from '../../contracts/money.js';
import { withDefaults } from '../../domain/pricing/defaults.js';
import { estimateFor } from '../../domain/pricing/pricing.js';
import { permittedRoutes } from '../../domain/routing/permitted-routes.js';
import { Refusal } from '../../http/server/route.js';
import { validateInput } from '../../providers/catalogue/input-validators.js';
import { invalidField } from '../refusals.js';

export interface ModelsAsked {
  readonly model: Model;
  /** Tried in order when the routes of those before are exhausted. */
  readonly fallbacks: readonly Model[];
  readonly catalogueVersion: string;
  /** Of the dearest route where the execution may go. */
  readonly estimated: Micros;
  /** Of the model that is asked for. */
  readonly usage: Usage;
}

/**
 * Throws a `Refusal` when the body asks for something that no route does. `seconds` are those of
 * the sounds that it names.
 */
export function modelsAsked(
  { models, version: catalogueVersion }: Catalogue,
  body: SubmitBody,
  require: Promises | undefined,
  seconds = 0,
): ModelsAsked {
  const model = models.get(body.model);
  if (!model) throw invalidField('model', 'unknown_model', 'is not a model of the catalogue');
  const details = validateInput(model, body.input);
  if (details.length > 0)
    throw new Refusal('INPUT_VALIDATION_ERROR', 'The input is not valid for this model.', details);
  const first = estimateOf(model, body, require, seconds);
  if (!('estimated' in first)) throw new Refusal('INPUT_VALIDATION_ERROR', undefined, first);
  const fallbacks: Model[] = [];
  let { estimated } = first;
  for (const [index, slug] of (body.fallback_models ?? NONE).entries()) {
    const fallback = fallbackOf(models.get(slug), model, { body, require, seconds });
    if ('message' in fallback)
      throw new Refusal('INPUT_VALIDATION_ERROR', undefined, [
        { ...fallback, field: `fallback_models[${index}]` },
      ]);
    fallbacks.push(fallback.model);
    if (fallback.estimated > estimated) ({ estimated } = fallback);
  }
  return { model, fallbacks, catalogueVersion, estimated, usage: first.usage };
}

const NONE: readonly string[] = [];

/** Or why no route can do it. */
export function estimateOf(
  model: Model,
  { input }: SubmitBody,
  require: Promises | undefined,
  seconds: number,
): ReturnType<typeof estimateFor> | ErrorDetail[] {
  const completed = withDefaults(model, input);
  const permitted = permittedRoutes(model, completed, require);
  if ('details' in permitted) return permitted.details;
  return estimateFor(model, completed, { routes: permitted.routes, seconds });
}

interface Asking {
  readonly body: SubmitBody;
  readonly require: Promises | undefined;
  readonly seconds: number;
}

function fallbackOf(
  model: Model | undefined,
  first: Model,
  { body, require, seconds }: Asking,
): { readonly model: Model; readonly estimated: Micros } | Omit<ErrorDetail, 'field'> {
  if (!model) return { code: 'unknown_model', message: 'is not a model of the catalogue' };
  if (model.slug === first.slug) return { code: 'same_model', message: 'is `model` itself' };
  if (model.modality !== first.modality)
    return { code: 'other_modality', message: `has another modality than '${first.slug}'` };
  const details = validateInput(model, body.input);
  const found = details.length > 0 ? details : estimateOf(model, body, require, seconds);
  if ('estimated' in found) return { model, estimated: found.estimated };
  const [{ field = '', code = '', message = '' } = {}] = found;
  return { code, message: `cannot take it: ${field} ${message}` };
}
