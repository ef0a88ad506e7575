/** What an execution produced, in canonical form, byte for byte as it was kept. */
import { resultSchema } from '../../contracts/http/executions.js';
import { formatMoney } from '../../contracts/money.js';
import type { ExecutionView } from '../../domain/execution/view.js';
import { Refusal, type Reply, type Route } from '../../http/server/route.js';
import type { Current } from './current.js';
import type { QueryInfra } from '../query-infra.js';
import { ownExecution } from './get-execution.js';

export const getExecutionResult = (
  { payloads }: Pick<QueryInfra, 'payloads'>,
  current: Current,
): Route => ({
  method: 'GET',
  path: '/executions/{id}/result',
  summary: "Read an execution's output",
  description:
    'While the execution is not completed the answer is `409 CONFLICT`; `details` has its status.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'EXECUTION_ONLY',
  replySchemas: { 200: resultSchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  async handle(request, caller) {
    const view = await ownExecution(current, request, caller);
    if (!view) return new Refusal('NOT_FOUND');
    if (view.status !== 'COMPLETED' || !view.output) return notCompleted(view);
    const output = await payloads.get(view.output);
    if (!output) return new Refusal('NOT_FOUND', 'The output was erased.');
    return resultReply(view, output.toString());
  },
});

function notCompleted({ status }: ExecutionView): Refusal {
  const message = `The execution is ${status}.`;
  return new Refusal('CONFLICT', message, [{ field: 'status', code: status, message }]);
}

function resultReply({ id, status, cost = 0n, latencyMs = 0 }: ExecutionView, output: string) {
  const before = JSON.stringify({ execution_id: id, status }).slice(0, -1);
  const after = JSON.stringify({ cost: formatMoney(cost), latency_ms: latencyMs }).slice(1);
  const reply: Reply = {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    raw: `${before},"output":${output},${after}`,
  };
  return reply;
}
