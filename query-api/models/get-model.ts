/** One model by its slug. */
import { modelSchema } from '../../contracts/http/models.js';
import { modelNotAllowed } from '../../domain/api-key/allowed-models.js';
import { tagged, tagOf } from '../../http/server/etag.js';
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
  headers: { 'If-None-Match': 'The `ETag` of an answer before.' },
  replySchemas: { 200: modelSchema, 304: 'It is as `If-None-Match` says.' },
  replyHeaders: ['ETag'],
  refusals: ['NOT_FOUND'],
  async handle(request, { allowedModels }) {
    const { slug = '' } = request.params;
    const model = catalogue.current().models.get(slug);
    if (!model) return new Refusal('NOT_FOUND');
    if (allowedModels && !allowedModels.has(slug))
      return new Refusal('FORBIDDEN', undefined, [modelNotAllowed('slug', slug)]);
    const body = modelBody(model);
    const ifNoneMatch = request.header('if-none-match');
    return tagged({ tag: tagOf(body), ifNoneMatch }, { status: 200, body });
  },
});
