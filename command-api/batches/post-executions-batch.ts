/**
 * Submits up to 1,000 executions in one call. Each item is answered as `POST /v1/executions` would
 * have answered it; those that are accepted make up a batch.
 *
 *   body ─► texts of items ─► keys ─► the batch's id ─► waves of items ─► BatchSubmitted ─► 200
 *
 * The id follows from the keys, so a repeat finds the same batch, and after a crash at any arrow
 * completes it.
 */
import {
  BATCH_BYTES_MAX,
  BATCH_ITEMS_MAX,
  batchResultsSchema,
  submitBatchSchema,
} from '../../contracts/http/batches.js';
import { batchIdOf, type BatchId, type ExecutionId } from '../../contracts/ids.js';
import type * as Batch from '../../domain/batch/batch.js';
import { sha256Hex } from '../../domain/canonical-json.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import { openTurns } from '../../infra/concurrency/turns.js';
import type { Commands } from '../command-infra.js';
import { metadataOf } from '../command-metadata.js';
import { idempotencyKeyIn } from '../executions/idempotency-key.js';
import { refused } from '../refusals.js';
import { answerItems, type ItemResult } from './answer-items.js';
import { readItems } from './read-items.js';

export const postExecutionsBatch = (commands: Commands): Route => ({
  method: 'POST',
  path: '/executions/batch',
  operationId: 'submitBatch',
  summary: 'Submit a batch of executions',
  description:
    'Up to 1,000 submissions in a body of at most 16 MB. The answer is always `200` with one ' +
    'result for each item: its status and body. A repeat of the call finds the same batch and ' +
    'runs nothing twice; items that were refused are tried again.',
  tag: 'Batches',
  audience: 'tenant',
  permission: 'executions:write',
  bodySchema: submitBatchSchema,
  bodyItems: { field: 'executions', itemsMax: BATCH_ITEMS_MAX, bytesMax: BATCH_BYTES_MAX },
  headers: {
    'Idempotency-Key':
      'Names the batch within your organization; without it the keys of its items do.',
  },
  replySchemas: { 200: batchResultsSchema },
  refusals: ['IDEMPOTENCY_MISMATCH'],
  handle: (request, caller) => handle(commands, request, caller),
});

async function handle(
  commands: Commands,
  request: ApiRequest,
  caller: Caller,
): Promise<Reply | Refusal> {
  const { organizationId } = caller;
  const key = idempotencyKeyIn(request, undefined);
  const giveWay = openTurns();
  const items = await readItems(request.bodyItems, giveWay);
  if (items instanceof Refusal) return items;
  const itemsHash = sha256Hex(JSON.stringify(items.map((item) => item.key ?? null)));
  const batchId =
    key === undefined
      ? batchIdOf(organizationId, 'items', itemsHash)
      : batchIdOf(organizationId, 'key', key);
  const { state } = await commands.batches.load(batchId, { atLeast: 0 });
  if (state.status !== 'none' && state.itemsHash !== itemsHash)
    return refused('BatchHasOtherItems');
  const results = await answerItems({ commands, request, caller, batchId, giveWay }, items);
  const command = submitCommand(commands, caller, { batchId, itemsHash }, results);
  const metadata = metadataOf(request, caller.keyId, batchId);
  const submitted = await commands.batches.transact(batchId, command, metadata);
  if (submitted.outcome === 'rejected') return refused(submitted.reason);
  return {
    status: 200,
    body: { batch_id: batchId, results: results.map(({ shown }) => shown) },
    logFields: { batchId, items: items.length },
  };
}

/** What was accepted joins the batch, also where another call had brought it. */
function submitCommand(
  { now }: Commands,
  { organizationId, keyId: apiKeyId }: Caller,
  { batchId, itemsHash }: { readonly batchId: BatchId; readonly itemsHash: string },
  results: readonly ItemResult[],
): Batch.Command {
  const brought = new Map<ExecutionId, BatchId | undefined>();
  let rejected = 0;
  for (const { accepted } of results)
    if (accepted) brought.set(accepted.id, accepted.batchId);
    else rejected += 1;
  const executionIds = [...brought.keys()];
  return {
    type: 'Submit',
    batchId,
    organizationId,
    apiKeyId,
    itemsHash,
    executionIds,
    rejected,
    others: executionIds.filter((id) => brought.get(id) !== batchId),
    at: new Date(now()).toISOString(),
  };
}
