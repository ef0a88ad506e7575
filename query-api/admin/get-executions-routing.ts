/** Why an execution went to the providers that it went to. */
import { routingSchema } from '../../contracts/http/routing.js';
import { isId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { Fact } from './operator-view.js';
import { routingView } from './routing-view.js';
import type { QueryInfra } from '../query-infra.js';

export const getExecutionsRouting = ({ store }: Pick<QueryInfra, 'store'>): Route => ({
  method: 'GET',
  path: '/executions/{id}/routing',
  summary: 'Explain the routing of an execution',
  description:
    'Each attempt with when it was dispatched, which route was chosen and why, and the other ' +
    'routes with what kept them, their prices and what was known of them at that moment.',
  tag: 'Executions',
  audience: 'operator',
  replySchemas: { 200: routingSchema },
  refusals: ['NOT_FOUND'],
  async handle({ params }) {
    const { id = '' } = params;
    if (!isId('exec', id)) return new Refusal('NOT_FOUND');
    const facts = (await store.readStream(streamOf('execution', id))) as readonly Fact[];
    const body = await routingView(store, facts);
    return body ? { status: 200, body } : new Refusal('NOT_FOUND');
  },
});
