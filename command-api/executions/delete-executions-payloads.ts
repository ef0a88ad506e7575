/** Erases input and output of an execution that is over; what was recorded of it stays. */
import { executionSchema } from '../../contracts/http/execution.js';
import { isId, type ExecutionId } from '../../contracts/ids.js';
import { erasePayloads } from '../../command-handling/erase-payloads.js';
import { executionView } from '../../command-handling/execution-view.js';
import type { PublicStatus } from '../../domain/execution/view.js';
import { erasedView } from '../../domain/execution/view.js';
import {
  Refusal,
  type ApiRequest,
  type Caller,
  type Reply,
  type Route,
} from '../../http/server/route.js';
import type { Commands } from '../command-infra.js';
import { metadataOf } from '../command-metadata.js';

/** How long the answer waits for the read model, so that a read after it finds the erasure. */
const PROJECTED_MS = 1_500;

export const deleteExecutionsPayloads = (commands: Commands): Route => ({
  method: 'DELETE',
  path: '/executions/{id}/payloads',
  summary: "Erase an execution's payloads",
  description:
    'Possible once it is over, and for ever: its input, its output and the files of its output ' +
    'are removed, and `payloads_erased_at` says since when. Statuses, times, amounts, metadata ' +
    'and digests stay, so that ledger, receipts and proofs hold. Erasing again changes nothing.',
  tag: 'Executions',
  audience: 'tenant',
  permission: 'payloads:write',
  replySchemas: { 200: executionSchema },
  refusals: ['NOT_FOUND', 'CONFLICT'],
  handle: (request, caller) => handle(commands, request, caller),
});

async function handle(
  commands: Commands,
  request: ApiRequest,
  { organizationId, keyId }: Caller,
): Promise<Reply | Refusal> {
  const id = request.params['id'] as ExecutionId;
  if (!isId('exec', id)) return new Refusal('NOT_FOUND');
  const metadata = metadataOf(request, keyId, id);
  const erased = await erasePayloads(commands, id, { cause: 'asked', metadata, organizationId });
  if (erased.outcome === 'unknown') return new Refusal('NOT_FOUND');
  if (erased.outcome === 'not_over') return notOver(publicStatus[erased.status]);
  const { store, progress, erasures } = commands;
  await progress.passed('executions', await store.head(), PROJECTED_MS);
  const { state } = await erasures.load(id, { atLeast: 0 });
  const view = await executionView(store, id);
  if (!view || state.status !== 'erased') throw new Error(`${id} has vanished from the log`);
  return { status: 200, body: erasedView(view, state.at).body, logFields: { executionId: id } };
}

const publicStatus = {
  pending: 'PENDING',
  processing: 'PROCESSING',
  delivered: 'PROCESSING',
  awaitingWebhook: 'AWAITING_WEBHOOK',
} as const satisfies Record<string, PublicStatus>;

const notOver = (status: PublicStatus): Refusal =>
  new Refusal('CONFLICT', `The execution is not over: it is ${status}. Cancel it first.`, [
    { field: 'status', code: status, message: 'is not final' },
  ]);
