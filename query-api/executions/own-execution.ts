/** The execution that a request names, where it belongs to the caller. */
import { isId, type ExecutionId } from '../../contracts/ids.js';
import type { ApiRequest, Caller } from '../../http/server/route.js';
import type { Current, CurrentExecution } from './current.js';

/** Undefined for an execution of another tenant as for one that does not exist. */
export async function ownExecution(
  current: Current,
  { params }: ApiRequest,
  { organizationId }: Caller,
): Promise<CurrentExecution | undefined> {
  const { id = '' } = params;
  return isId('exec', id) ? current.execution(id as ExecutionId, organizationId) : undefined;
}
