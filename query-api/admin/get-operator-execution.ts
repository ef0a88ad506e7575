/** An execution with its attempts, providers, routing decisions and events. */
import { operatorExecutionSchema } from '../../contracts/http/operator-views.js';
import { isId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { operatorView, type Fact } from './operator-view.js';
import type { QueryInfra } from '../query-infra.js';

export const getOperatorExecution = ({ store }: Pick<QueryInfra, 'store'>): Route => ({
  method: 'GET',
  path: '/executions/{id}',
  summary: "Read an execution with its providers' side",
  tag: 'Executions',
  audience: 'operator',
  replySchemas: { 200: operatorExecutionSchema },
  refusals: ['NOT_FOUND'],
  async handle({ params }) {
    const { id = '' } = params;
    if (!isId('exec', id)) return new Refusal('NOT_FOUND');
    const facts = (await store.readStream(streamOf('execution', id))) as readonly Fact[];
    const view = operatorView(facts);
    return view ? { status: 200, body: view.body } : new Refusal('NOT_FOUND');
  },
});
