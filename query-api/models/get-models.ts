/** The models that can be run, with their prices. */
import { modelSchema } from '../../contracts/http/models.js';
import { listOf, pageFields, queryObject } from '../../contracts/http/parts.js';
import type { Route } from '../../http/server/route.js';
import { cursorOf, listBody, pageOf } from '../cursor.js';
import type { QueryInfra } from '../query-infra.js';
import { modelBody } from './model-body.js';

const KIND = 'models';

export const getModels = ({ catalogue }: Pick<QueryInfra, 'catalogue'>): Route => ({
  method: 'GET',
  path: '/models',
  summary: 'List models',
  tag: 'Models',
  audience: 'tenant',
  permission: 'EXECUTION_ONLY',
  querySchema: queryObject(pageFields),
  replySchemas: { 200: listOf('Models', modelSchema) },
  async handle(request) {
    const { limit, after } = pageOf(request, KIND, ['text']);
    const slugAfter = String(after?.[0] ?? '');
    const rest = [...catalogue.current().models.values()]
      .filter(({ slug }) => slug > slugAfter)
      .sort((a, b) => (a.slug < b.slug ? -1 : 1));
    const body = listBody(rest, limit, modelBody, ({ slug }) => cursorOf(KIND, [slug]));
    return { status: 200, body };
  },
});
