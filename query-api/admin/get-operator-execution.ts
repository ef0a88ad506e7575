/** An execution with its attempts, providers, routing decisions and events. */
import { operatorAsOfField } from '../../contracts/http/as-of.js';
import { operatorExecutionSchema } from '../../contracts/http/operator-views.js';
import { queryObject } from '../../contracts/http/parts.js';
import { isId, type ExecutionId } from '../../contracts/ids.js';
import { Refusal, type Route } from '../../http/server/route.js';
import { operatorCut } from '../as-of/asked.js';
import { operatorView, readOperatorFacts } from './operator-view.js';
import type { QueryInfra } from '../query-infra.js';

export const getOperatorExecution = (infra: Pick<QueryInfra, 'now' | 'store'>): Route => ({
  method: 'GET',
  path: '/executions/{id}',
  summary: "Read an execution with its providers' side",
  description:
    'Every attempt with its provider, cost and outcome, and the events of its stream; with ' +
    '`as_of` as it was then.',
  tag: 'Executions',
  audience: 'operator',
  querySchema: queryObject(operatorAsOfField),
  replySchemas: { 200: operatorExecutionSchema },
  refusals: ['NOT_FOUND'],
  async handle(request) {
    const { id = '' } = request.params;
    const cut = await operatorCut(infra, request);
    if (!isId('exec', id)) return new Refusal('NOT_FOUND');
    const { facts, beside } = await readOperatorFacts(infra.store, id as ExecutionId, cut);
    const view = operatorView(facts, beside);
    return view ? { status: 200, body: view.body } : new Refusal('NOT_FOUND');
  },
});
