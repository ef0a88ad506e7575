/** What a submission may ask for with its key, and what key and organization require of it. */
import type { Promises } from '../../contracts/catalogue/capabilities.js';
import type { SubmitBody } from '../../contracts/http/post-executions.js';
import { modelNotAllowed } from '../../domain/api-key/allowed-models.js';
import { joined } from '../../domain/routing/requirements.js';
import { Refusal, type Caller } from '../../http/server/route.js';
import { invalidField } from '../refusals.js';

type Models = Pick<SubmitBody, 'model' | 'fallback_models'>;

/** Throws a `Refusal` that names every model which the key may not run. */
export function permitModels({ allowedModels }: Caller, { model, ...body }: Models): void {
  if (!allowedModels) return;
  const fallbacks = (body.fallback_models ?? []).map((slug, n) => [`fallback_models[${n}]`, slug]);
  const details = [['model', model], ...fallbacks].flatMap(([field = '', slug = '']) =>
    allowedModels.has(slug) ? [] : [modelNotAllowed(field, slug)],
  );
  if (details.length > 0) throw new Refusal('FORBIDDEN', undefined, details);
}

/** Of caller, key and organization the strictest. Throws a `Refusal` where nothing keeps all. */
export function requiredOf({ requires }: Caller, asked?: Promises): Promises | undefined {
  let required = asked;
  for (const one of requires ?? []) {
    const both = joined(required, one);
    if ('conflict' in both) {
      const message = `is not within '${one[both.conflict]}', which key or organization require`;
      throw invalidField(`require.${both.conflict}`, 'conflict', message);
    }
    ({ require: required } = both);
  }
  return required;
}
