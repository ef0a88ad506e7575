/** An execution with its attempts, providers, routing decisions and events. */
import { operatorExecutionSchema } from '../../contracts/http/operator-views.js';
import { isId, type ExecutionId } from '../../contracts/ids.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { operatorView, readOperatorFacts } from './operator-view.js';
import type { QueryInfra } from '../query-infra.js';

export const getOperatorExecution = ({ store }: Pick<QueryInfra, 'store'>): Route => ({
  method: 'GET',
  path: '/executions/{id}',
  summary: "Read an execution with its providers' side",
  description: 'Every attempt with its provider, cost and outcome, and the events of its stream.',
  tag: 'Executions',
  audience: 'operator',
  replySchemas: { 200: operatorExecutionSchema },
  refusals: ['NOT_FOUND'],
  async handle({ params }) {
    const { id = '' } = params;
    if (!isId('exec', id)) return new Refusal('NOT_FOUND');
    const { facts, beside } = await readOperatorFacts(store, id as ExecutionId);
    const view = operatorView(facts, beside);
    return view ? { status: 200, body: view.body } : new Refusal('NOT_FOUND');
  },
});
