/** One model by its slug. */
import { modelSchema } from '../../contracts/http/models.js';
import { modelNotAllowed } from '../../domain/api-key/allowed-models.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { QueryInfra } from '../query-infra.js';
import { modelBody } from './model-body.js';

export const getModel = ({ catalogue }: Pick<QueryInfra, 'catalogue'>): Route => ({
  method: 'GET',
  path: '/models/{slug}',
  summary: 'Read a model',
  description: 'JSON Schema of its input and output, its price and its limits.',
  tag: 'Models',
  audience: 'tenant',
  permission: 'models:read',
  replySchemas: { 200: modelSchema },
  refusals: ['NOT_FOUND'],
  async handle({ params }, { allowedModels }) {
    const { slug = '' } = params;
    const model = catalogue.current().models.get(slug);
    if (model && allowedModels && !allowedModels.has(slug))
      return new Refusal('FORBIDDEN', undefined, [modelNotAllowed('slug', slug)]);
    return model ? { status: 200, body: modelBody(model) } : new Refusal('NOT_FOUND');
  },
});
