/** The models that can be run, with their prices. */
import { modelSchema } from '../../contracts/http/models.js';
import { listOf, pageFields, queryObject } from '../../contracts/http/parts.js';
import { tagged, tagOf } from '../../http/server/etag.js';
import type { Route } from '../../http/server/route.js';
import { listReply, pageOfWhole, type ListName } from '../cursor.js';
import type { ListInfra, QueryInfra } from '../query-infra.js';
import { modelBody } from './model-body.js';

export const getModels = ({
  catalogue,
  cursors,
}: Pick<QueryInfra, 'catalogue'> & Pick<ListInfra, 'cursors'>): Route => ({
  method: 'GET',
  path: '/models',
  summary: 'List models',
  description:
    'What can be run with the key, with the JSON Schema of input and output, prices and limits.',
  tag: 'Models',
  audience: 'tenant',
  permission: 'models:read',
  querySchema: queryObject(pageFields),
  headers: { 'If-None-Match': 'The `ETag` of an answer before.' },
  replySchemas: {
    200: listOf('Models', modelSchema),
    304: 'They are as `If-None-Match` says.',
  },
  replyHeaders: ['ETag', 'Link'],
  async handle(request, { organizationId, allowedModels }) {
    const list: ListName = ['models', organizationId];
    const models = [...catalogue.current().models.values()];
    const items = models.filter(({ slug }) => allowedModels?.has(slug) ?? true);
    const page = pageOfWhole(cursors, request, list, { items, keyOf: ({ slug }) => slug });
    const body = { ...page, data: page.data.map(modelBody) };
    const ifNoneMatch = request.header('if-none-match');
    return tagged({ tag: tagOf(body.data), ifNoneMatch }, listReply(request, body));
  },
});
