/**
 * How an execution is accepted: hold first, then request. The request is written at the revision
 * that is its hold's `generation`: 0, or one more for each time that it was abandoned before.
 *
 *   PlaceHold ─► accepted, request appended .......................... accepted
 *            ├─► accepted, request in conflict ─► compensate ───────┐
 *            ├─► a hold exists ─► adopt it: append its request ────.│. accepted
 *            │                        └─► conflict ────────────────┤
 *            ├─► a hold of another amount ─► fence it, release it ──┤
 *            └─► too little money ─► not requested ................│. refused
 *                                                                   ▼
 *                         look again: requested → it exists; abandoned → next generation
 *
 * However many ask at the same time, here or in other processes, one request and one hold remain. A
 * crash at any arrow leaves at most a hold without a request, which a repeat adopts and the
 * reconciler abandons.
 */
import { randomUUID } from 'node:crypto';
import type { ReleaseReason } from '../../contracts/events/account.js';
import type { ExecutionRequested } from '../../contracts/events/execution.js';
import type { ExecutionId, HoldId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import type * as Account from '../../domain/account/account.js';
import type * as Execution from '../../domain/execution/execution.js';
import type { DependentAppend } from '../../command-handling/accounts/decide-batch.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { Loaded } from '../../command-handling/repository.js';
import { appendOf } from '../../command-handling/streams.js';
import { StoreUnavailable, type Payload } from '../../infra/event-store/port.js';
import { SMALL_PAYLOAD_BYTES_MAX } from '../../infra/payloads/port.js';
import type { Commands } from '../command-infra.js';

export type Requested = ExecutionRequested['data'];

/** Everything that was decided before money is asked for. */
export interface Submission {
  readonly request: Omit<Requested, 'holdId'>;
  readonly inputBytes: Buffer;
  readonly metadata: CommandMetadata;
}

type Submitted =
  | { readonly outcome: 'accepted'; readonly requested: Requested }
  /** Another request under the same key was first; it may have another body. */
  | { readonly outcome: 'existing'; readonly requested: Requested }
  | { readonly outcome: 'rejected'; readonly reason: Account.Rejection };

/** The request, or the revision at which it would be written. */
type Found =
  { readonly requested: Requested } | { readonly requested?: never; readonly generation: number };

const ROUNDS_MAX = 8;

/** As it is in the log now. */
async function find({ executions }: Commands, executionId: ExecutionId): Promise<Found> {
  return foundIn(await executions.load(executionId));
}

/** A request never changes once it is written: one that was seen is not read again. */
export async function findSeen({ executions }: Commands, executionId: ExecutionId): Promise<Found> {
  return foundIn(await executions.load(executionId, { atLeast: 0 }));
}

/** Throws `StoreUnavailable` or `StoreOverloaded`; a repeat with the same key then goes on. */
export async function submit(
  commands: Commands,
  submission: Submission,
  generation: number,
): Promise<Submitted> {
  const payload = payloadOf(submission);
  const small = payload.bytes.length <= SMALL_PAYLOAD_BYTES_MAX;
  if (small) commands.payloads.remember(submission.request.input, payload.bytes);
  else await commands.payloads.put(payload);
  let next = generation;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const attempt = { ...submission, generation: next, ...(small && { payload }) };
    const done = await tryOnce(commands, attempt);
    if (done) return done;
    const found = await find(commands, submission.request.executionId);
    if (found.requested) return { outcome: 'existing', requested: found.requested };
    next = found.generation;
  }
  throw new StoreUnavailable(`${submission.request.executionId} is asked for by too many at once`);
}

interface Attempt extends Submission {
  readonly generation: number;
  readonly payload?: Payload;
}

/** Undefined when the stream must be looked at again. */
async function tryOnce(commands: Commands, attempt: Attempt): Promise<Submitted | undefined> {
  const { request, generation, metadata } = attempt;
  const { organizationId, executionId, holdAmount, at } = request;
  const holdId: HoldId = `hold_${randomUUID()}`;
  const event = requestedEvent(attempt, holdId);
  const result = await commands.accounts.submit(organizationId, {
    command: {
      type: 'PlaceHold',
      organizationId,
      executionId,
      generation,
      holdId,
      amount: holdAmount,
      at,
    },
    metadata,
    dependent: () => dependentAppendOf(attempt, event),
  });
  switch (result.outcome) {
    case 'accepted':
      if (result.dependent?.status === 'appended') return accepted(commands, attempt, event);
      return await compensate(commands, attempt, holdId);
    case 'alreadyDone':
      return result.hold && (await adopt(commands, attempt, result.hold.holdId));
    case 'rejected':
      return await afterRejection(commands, attempt, result.reason, result.hold);
  }
}

/** The own hold was placed, but another request or an abandonment was there first. */
async function compensate(
  commands: Commands,
  attempt: Attempt,
  holdId: HoldId,
): Promise<Submitted | undefined> {
  const found = await find(commands, attempt.request.executionId);
  if (found.requested?.holdId === holdId)
    return { outcome: 'accepted', requested: found.requested };
  await release(commands, attempt, holdId, found.requested ? 'orphaned' : 'abandoned');
  return found.requested && { outcome: 'existing', requested: found.requested };
}

/** A hold exists: its request has landed, is under way elsewhere, or was cut off by a crash. */
async function adopt(
  commands: Commands,
  attempt: Attempt,
  holdId: HoldId,
): Promise<Submitted | undefined> {
  const found = await find(commands, attempt.request.executionId);
  if (found.requested) return { outcome: 'existing', requested: found.requested };
  if (found.generation !== attempt.generation) return undefined;
  const event = requestedEvent(attempt, holdId);
  const { append, payload } = dependentAppendOf(attempt, event);
  const [outcome] = await commands.store.append({
    appends: [append],
    ...(payload && { payloads: [payload] }),
  });
  if (outcome?.status !== 'appended') return undefined;
  return accepted(commands, attempt, event);
}

/** A refusal may be due to money that a duplicate of this very request holds. */
async function afterRejection(
  commands: Commands,
  attempt: Attempt,
  reason: Account.Rejection,
  existing: Account.Hold | undefined,
): Promise<Submitted | undefined> {
  const found = await find(commands, attempt.request.executionId);
  if (found.requested) return { outcome: 'existing', requested: found.requested };
  if (found.generation !== attempt.generation) return undefined;
  if (reason !== 'HoldExistsWithDifferentAmount' || !existing)
    return { outcome: 'rejected', reason };
  await fence(commands, attempt, existing.holdId);
  return undefined;
}

/** After the abandonment no request on that hold can be written any more, so it may be released. */
async function fence(commands: Commands, attempt: Attempt, holdId: HoldId): Promise<void> {
  const { organizationId, executionId, at } = attempt.request;
  const command = { type: 'Abandon', executionId, organizationId, holdId, at } as const;
  const fenced = await commands.executions.transact(executionId, command, attempt.metadata);
  if (fenced.outcome !== 'rejected') await release(commands, attempt, holdId, 'abandoned');
}

async function release(
  { accounts }: Commands,
  { request, metadata }: Attempt,
  holdId: HoldId,
  reason: ReleaseReason,
): Promise<void> {
  const { organizationId, executionId, at } = request;
  const command = { type: 'ReleaseHold', organizationId, executionId, holdId, reason, at } as const;
  await accounts.submit(organizationId, { command, metadata });
}

function dependentAppendOf(attempt: Attempt, event: ExecutionRequested): DependentAppend {
  const { request, generation, metadata, payload } = attempt;
  const stream = streamOf('execution', request.executionId);
  return {
    append: appendOf(stream, generation - 1, [event], metadata),
    ...(payload && { payload }),
  };
}

const requestedEvent = ({ request }: Attempt, holdId: HoldId): ExecutionRequested => ({
  type: 'ExecutionRequested',
  data: { ...request, holdId },
});

/** The request is in the log: the processors of this process need not read it. */
function accepted(
  { executions }: Commands,
  attempt: Attempt,
  event: ExecutionRequested,
): Submitted {
  const stream = streamOf('execution', attempt.request.executionId);
  executions.learn({ ...event, stream, revision: attempt.generation });
  return { outcome: 'accepted', requested: event.data };
}

const payloadOf = ({ request, inputBytes }: Submission): Payload => ({
  ref: request.input.ref,
  organizationId: request.organizationId,
  bytes: inputBytes,
});

/** Abandonments are only at a stream's beginning, one per generation that came to nothing. */
function foundIn({ state, revision }: Loaded<Execution.State>): Found {
  return 'request' in state ? { requested: state.request } : { generation: revision + 1 };
}
