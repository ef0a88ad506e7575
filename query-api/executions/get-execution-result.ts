/** The canonical output of an execution, byte for byte as it was stored. */
import { resultSchema } from '../../contracts/http/executions.js';
import type { ExecutionBody } from '../../domain/execution/view.js';
import { queryObject } from '../../contracts/http/parts.js';
import { Refusal, type Reply, type Route } from '../../http/server/route.js';
import type { Current, CurrentExecution } from './current.js';
import type { QueryInfra } from '../query-infra.js';
import { ownExecution } from './own-execution.js';

export const getExecutionResult = (
  { payloads }: Pick<QueryInfra, 'payloads'>,
  current: Current,
): Route => ({
  method: 'GET',
  path: '/executions/{id}/result',
  summary: "Read an execution's output",
  description:
    'While the execution is not completed the answer is `409 CONFLICT`, with its status in ' +
    '`details`. Once its payloads were erased it is `404 NOT_FOUND`, with the detail ' +
    '`output_erased`.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'executions:read',
  querySchema: queryObject({}),
  replySchemas: { 200: resultSchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  async handle(request, caller) {
    const execution = await ownExecution(current, request, caller);
    if (!execution) return new Refusal('NOT_FOUND');
    if (execution.status !== 'COMPLETED') return notCompleted(execution);
    const output = execution.output && (await payloads.get(execution.output));
    if (!output) return erased();
    return resultReply(execution, output.toString());
  },
});

function notCompleted({ status }: CurrentExecution): Refusal {
  const message = `The execution is ${status}.`;
  return new Refusal('CONFLICT', message, [{ field: 'status', code: status, message }]);
}

const erased = (): Refusal =>
  new Refusal('NOT_FOUND', 'The output of the execution was erased.', [
    { field: 'output', code: 'output_erased', message: 'is not stored any more' },
  ]);

function resultReply({ bodyText }: CurrentExecution, output: string): Reply {
  const { id, status, cost, latency_ms } = JSON.parse(bodyText) as ExecutionBody;
  const before = JSON.stringify({ execution_id: id, status }).slice(0, -1);
  const after = JSON.stringify({ cost, latency_ms }).slice(1);
  return {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    raw: `${before},"output":${output},${after}`,
  };
}
