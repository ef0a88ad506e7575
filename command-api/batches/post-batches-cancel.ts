/** Cancels what is not over of a batch: it is asked for here, and done in the background. */
import { batchCancellationSchema } from '../../contracts/http/batches.js';
import { isId } from '../../contracts/ids.js';
import type * as Batch from '../../domain/batch/batch.js';
import { batchStatusOf } from '../../domain/batch/view.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { metadataOf } from '../command-metadata.js';
import { refused } from '../refusals.js';

export const postBatchesCancel = (commands: Commands): Route => ({
  method: 'POST',
  path: '/batches/{id}/cancel',
  summary: 'Cancel a batch',
  description:
    'Each of its executions that is not over is cancelled, in the background; asking again ' +
    'changes nothing. `GET /v1/batches/{id}` shows how far it is.',
  tag: 'Batches',
  audience: 'tenant',
  permission: 'executions:write',
  replySchemas: { 200: batchCancellationSchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: (request, caller) => handle(commands, request, caller),
});

async function handle(
  { batches, now }: Commands,
  request: ApiRequest,
  { organizationId, keyId: apiKeyId }: Caller,
): Promise<Reply | Refusal> {
  const { id = '' } = request.params;
  if (!isId('batch', id)) return new Refusal('NOT_FOUND');
  const { state } = await batches.load(id);
  if (state.status === 'none' || state.organizationId !== organizationId)
    return new Refusal('NOT_FOUND');
  const at = new Date(now()).toISOString();
  const command = { type: 'RequestCancel', apiKeyId, at } as const;
  const cancelled = await batches.transact(id, command, metadataOf(request, apiKeyId, id));
  if (cancelled.outcome === 'rejected') return refused(cancelled.reason);
  return { status: 200, body: cancellationBody(cancelled.state), logFields: { batchId: id } };
}

function cancellationBody(state: Batch.State) {
  if (state.status === 'none') throw new Error('a batch has vanished from the log');
  const { batchId: id, cancelRequestedAt, status } = state;
  return {
    id,
    status: batchStatusOf({ isOver: status === 'completed', cancelRequestedAt }),
    cancel_requested_at: cancelRequestedAt ?? null,
    links: { self: `/v1/batches/${id}` },
  };
}
