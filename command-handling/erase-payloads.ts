/**
 * The contents of an execution that is over are erased: first it is recorded, so that nobody reads
 * them any more; then what is stored of them is removed. A crash between both is made up for by
 * the processor `erase-payloads`, which removes them again.
 *
 * What belongs to it: the input, what providers answered and called back, the output, and the files
 * of the output. Files of the input are their owner's, and may be in use elsewhere.
 */
import type { AttemptEvent } from '../contracts/events/attempt.js';
import type { PayloadsErased } from '../contracts/events/erasure.js';
import type { ExecutionEvent, PayloadRef } from '../contracts/events/execution.js';
import type { ExecutionId, FileId, OrganizationId } from '../contracts/ids.js';
import { streamOf } from '../contracts/streams.js';
import { attemptIdOf } from '../domain/attempt/attempt.js';
import type { State } from '../domain/execution/execution.js';
import type { EventStore } from '../infra/event-store/port.js';
import type { PayloadStore } from '../infra/payloads/port.js';
import type { CommandMetadata } from './command-metadata.js';
import type { Repositories } from './repositories.js';
import { readEvents } from './streams.js';

interface Erasing extends Pick<Repositories, 'erasures' | 'executions' | 'fileRecords'> {
  readonly store: EventStore;
  readonly payloads: PayloadStore;
  readonly now: () => number;
}

interface EraseOptions {
  readonly cause: PayloadsErased['data']['cause'];
  readonly metadata: CommandMetadata;
  /** Whose it must be; anybody's where absent. */
  readonly organizationId?: OrganizationId;
}

export type Erased =
  | { readonly outcome: 'unknown' }
  | { readonly outcome: 'not_over'; readonly status: Unfinished['status'] }
  | { readonly outcome: 'erased' | 'erased_before' };

type Unfinished = Extract<
  State,
  { status: 'pending' | 'processing' | 'awaitingWebhook' | 'delivered' }
>;

/** Throws on an outage; what was recorded is then removed later. */
export async function erasePayloads(
  erasing: Erasing,
  executionId: ExecutionId,
  { cause, metadata, organizationId }: EraseOptions,
): Promise<Erased> {
  const { executions, erasures, now } = erasing;
  const { state } = await executions.load(executionId);
  if (!('request' in state)) return { outcome: 'unknown' };
  const { organizationId: owner } = state.request;
  if (organizationId !== undefined && owner !== organizationId) return { outcome: 'unknown' };
  if (isUnfinished(state)) return { outcome: 'not_over', status: state.status };
  const contents = await contentsOf(erasing.store, executionId);
  const at = new Date(now()).toISOString();
  const data = { executionId, organizationId: owner, cause, ...contents, at };
  const erased = await erasures.transact(executionId, { type: 'Erase', data }, metadata);
  await removeErased(erasing, data, metadata);
  return { outcome: erased.outcome === 'accepted' ? 'erased' : 'erased_before' };
}

const isUnfinished = (state: State): state is Unfinished =>
  state.status === 'pending' ||
  state.status === 'processing' ||
  state.status === 'awaitingWebhook' ||
  state.status === 'delivered';

/** Removes what an erasure names; without effect for what is removed already. */
export async function removeErased(
  { payloads, fileRecords, now }: Pick<Erasing, 'payloads' | 'fileRecords' | 'now'>,
  { payloads: refs, files }: Pick<PayloadsErased['data'], 'payloads' | 'files'>,
  metadata: CommandMetadata,
): Promise<void> {
  for (const { ref, bytes } of refs) await payloads.remove(ref, bytes);
  const at = new Date(now()).toISOString();
  // One that its owner deleted is unknown, or gone.
  for (const fileId of files) await fileRecords.transact(fileId, { type: 'Delete', at }, metadata);
}

interface Contents {
  readonly payloads: readonly PayloadRef[];
  readonly bytes: number;
  readonly files: readonly FileId[];
}

/** Of an execution that is over, whose stream does not change any more. */
async function contentsOf(store: EventStore, executionId: ExecutionId): Promise<Contents> {
  const events = await readEvents<ExecutionEvent>(store, streamOf('execution', executionId));
  const refs: PayloadRef[] = [];
  const files: FileId[] = [];
  for (const { type, data } of events) {
    if (type === 'ExecutionRequested') refs.push(data.input);
    if (type === 'ProviderSucceeded' || type === 'ExecutionCompleted') refs.push(data.output);
    if (type === 'ExecutionCompleted') files.push(...data.files.map(({ fileId }) => fileId));
    if (type === 'ProviderDispatched') {
      const stream = streamOf('attempt', attemptIdOf(executionId, data.attempt));
      for (const fact of await readEvents<AttemptEvent>(store, stream))
        if (fact.type === 'ProviderCallbackReceived') refs.push(fact.data.callback);
    }
  }
  // Each event that names a payload counted its bytes.
  const bytes = refs.reduce((sum, ref) => sum + ref.bytes, 0);
  const payloads = [...new Map(refs.map((ref) => [ref.ref, ref])).values()];
  return { payloads, bytes, files };
}
