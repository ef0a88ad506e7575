/** Why an execution went to the providers that it went to. */
import { operatorAsOfField } from '../../contracts/http/as-of.js';
import { queryObject } from '../../contracts/http/parts.js';
import { routingSchema } from '../../contracts/http/routing.js';
import { isId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { operatorCut } from '../as-of/asked.js';
import { before } from '../as-of/cut.js';
import type { Fact } from './operator-view.js';
import { routingView } from './routing-view.js';
import type { QueryInfra } from '../query-infra.js';

export const getExecutionsRouting = (infra: Pick<QueryInfra, 'now' | 'store'>): Route => ({
  method: 'GET',
  path: '/executions/{id}/routing',
  summary: 'Explain the routing of an execution',
  description:
    'Each attempt with when it was dispatched, which route was chosen and why, and the other ' +
    'routes with what kept them, their prices and what was known of them at that moment; with ' +
    '`as_of` the attempts of until then.',
  tag: 'Executions',
  audience: 'operator',
  querySchema: queryObject(operatorAsOfField),
  replySchemas: { 200: routingSchema },
  refusals: ['NOT_FOUND'],
  async handle(request) {
    const { id = '' } = request.params;
    const cut = await operatorCut(infra, request);
    if (!isId('exec', id)) return new Refusal('NOT_FOUND');
    const facts = (await infra.store.readStream(streamOf('execution', id))) as readonly Fact[];
    const body = await routingView(infra.store, cut ? before(cut, facts) : facts);
    return body ? { status: 200, body } : new Refusal('NOT_FOUND');
  },
});
