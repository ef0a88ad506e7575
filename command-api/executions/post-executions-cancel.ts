/** Cancels an execution that is not over; what it was held for is released in full. */
import { executionSchema } from '../../contracts/http/execution.js';
import { isId, type ExecutionId } from '../../contracts/ids.js';
import { executionView } from '../../command-handling/execution-view.js';
import type { ExecutionView } from '../../domain/execution/view.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import { metadataOf } from '../command-metadata.js';
import type { Commands } from '../command-infra.js';
import { refused } from '../refusals.js';

export const postExecutionsCancel = (commands: Commands): Route => ({
  method: 'POST',
  path: '/executions/{id}/cancel',
  summary: 'Cancel an execution',
  description: 'Possible while it is not over; cancelling again changes nothing.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'executions:write',
  replySchemas: { 200: executionSchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: (request, caller) => handle(commands, request, caller),
});

async function handle(
  { executions, store, now }: Commands,
  request: ApiRequest,
  caller: Caller,
): Promise<Reply | Refusal> {
  const id = request.params['id'] as ExecutionId;
  if (!isId('exec', id)) return new Refusal('NOT_FOUND');
  const { state } = await executions.load(id);
  if (!('request' in state) || state.request.organizationId !== caller.organizationId)
    return new Refusal('NOT_FOUND');
  const command = { type: 'Cancel', at: new Date(now()).toISOString() } as const;
  const metadata = metadataOf(request, caller.keyId, id);
  const cancelled = await executions.transact(id, command, metadata);
  const view = await executionView(store, id);
  if (!view) throw new Error(`${id} has vanished from the log`);
  if (cancelled.outcome === 'rejected')
    return cancelled.reason === 'AlreadyFinished' ? isOver(view) : refused(cancelled.reason);
  return { status: 200, body: view.body, logFields: { executionId: id } };
}

const isOver = ({ body: { status } }: ExecutionView): Refusal =>
  new Refusal('CONFLICT', `The execution is over already: it is ${status}.`, [
    { field: 'status', code: status, message: 'is final' },
  ]);
