/** One execution, as it is now. */
import { executionSchema } from '../../contracts/http/execution.js';
import type { ExecutionBody } from '../../domain/execution/view.js';
import { Refusal, type Route } from '../../http/server/route.js';
import type { Current } from './current.js';
import { ownExecution } from './own-execution.js';
import type { QueuedAhead } from './queued-ahead.js';

export const getExecution = (current: Current, queuedAhead: QueuedAhead): Route => ({
  method: 'GET',
  path: '/executions/{id}',
  summary: 'Read an execution',
  description:
    'Right after the `202` it is found too. ' +
    'It has `cost` once it completed, and `error` once it failed.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'executions:read',
  replySchemas: { 200: executionSchema },
  refusals: ['NOT_FOUND'],
  async handle(request, caller) {
    const execution = await ownExecution(current, request, caller);
    if (!execution) return new Refusal('NOT_FOUND');
    const { organizationId, status, bodyText } = execution;
    if (status !== 'PENDING') return { status: 200, raw: bodyText };
    const body = JSON.parse(bodyText) as ExecutionBody;
    return {
      status: 200,
      body: { ...body, queued_ahead: await queuedAhead(organizationId, body) },
    };
  },
});
