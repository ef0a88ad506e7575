/** One execution, as it is now. */
import { executionSchema } from '../../contracts/http/execution.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { Current } from './current.js';
import { ownExecution } from './own-execution.js';

export const getExecution = (current: Current): Route => ({
  method: 'GET',
  path: '/executions/{id}',
  summary: 'Read an execution',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'EXECUTION_ONLY',
  replySchemas: { 200: executionSchema },
  refusals: ['NOT_FOUND'],
  async handle(request, caller) {
    const execution = await ownExecution(current, request, caller);
    return execution ? { status: 200, raw: execution.bodyText } : new Refusal('NOT_FOUND');
  },
});
