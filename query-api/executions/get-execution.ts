/** One execution, as it is now. */
import { executionSchema } from '../../contracts/http/execution.js';
import { isId, type ExecutionId } from '../../contracts/ids.js';
import { Refusal, type ApiRequest, type Caller, type Route } from '../../http/server/route.js';
import type { Current, CurrentExecution } from './current.js';

export const getExecution = (current: Current): Route => ({
  method: 'GET',
  path: '/executions/{id}',
  summary: 'Read an execution',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'EXECUTION_ONLY',
  hot: true,
  replySchemas: { 200: executionSchema },
  refusals: ['NOT_FOUND'],
  async handle(request, caller) {
    const execution = await ownExecution(current, request, caller);
    return execution ? { status: 200, raw: execution.bodyText } : new Refusal('NOT_FOUND');
  },
});

/** Another tenant's id and a made-up one are answered alike: by nothing. */
export async function ownExecution(
  current: Current,
  { params }: ApiRequest,
  { organizationId }: Caller,
): Promise<CurrentExecution | undefined> {
  const { id = '' } = params;
  if (!isId('exec', id)) return undefined;
  const execution = await current.execution(id as ExecutionId);
  return execution?.organizationId === organizationId ? execution : undefined;
}
