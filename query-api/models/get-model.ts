/** One model by its slug. */
import { asOfField } from '../../contracts/http/as-of.js';
import { modelSchema } from '../../contracts/http/models.js';
import { queryObject } from '../../contracts/http/parts.js';
import { modelNotAllowed } from '../../domain/api-key/allowed-models.js';
import { tagged, tagOf } from '../../http/server/etag.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { tenantCut, type AsOfInfra } from '../as-of/asked.js';
import type { Cut } from '../as-of/cut.js';
import type { ModelsThen } from '../as-of/model-then.js';
import type { QueryInfra } from '../query-infra.js';
import { modelBody, modelBodyThen } from './model-body.js';

interface ModelInfra extends AsOfInfra, Pick<QueryInfra, 'catalogue'> {
  readonly modelsThen: ModelsThen;
}

export const getModel = (infra: ModelInfra): Route => ({
  method: 'GET',
  path: '/models/{slug}',
  summary: 'Read a model',
  description:
    'JSON Schema of its input and output, its price and its limits. With `as_of` price and ' +
    'capabilities are those that were in force then, the rest is as it is now; also of a model ' +
    'that is not offered any more.',
  tag: 'Models',
  audience: 'tenant',
  permission: 'models:read',
  querySchema: queryObject(asOfField),
  headers: { 'If-None-Match': 'The `ETag` of an answer before.' },
  replySchemas: { 200: modelSchema, 304: 'It is as `If-None-Match` says.' },
  replyHeaders: ['ETag'],
  refusals: ['NOT_FOUND'],
  async handle(request, { organizationId, allowedModels }) {
    const { slug = '' } = request.params;
    const cut = await tenantCut(infra, request, organizationId);
    const body = await bodyOf(infra, slug, cut);
    if (!body) return new Refusal('NOT_FOUND');
    if (allowedModels && !allowedModels.has(slug))
      return new Refusal('FORBIDDEN', undefined, [modelNotAllowed('slug', slug)]);
    const ifNoneMatch = request.header('if-none-match');
    return tagged({ tag: tagOf(body), ifNoneMatch }, { status: 200, body });
  },
});

async function bodyOf({ catalogue, modelsThen }: ModelInfra, slug: string, cut: Cut | undefined) {
  const today = catalogue.current().models.get(slug);
  if (!cut) return today && modelBody(today);
  const then = await modelsThen(slug, cut);
  return then && modelBodyThen(then.model, today);
}
