/**
 * How an execution is accepted: hold first, then request. The request is written at the revision
 * that is its hold's `generation`: 0, or one more for each time that it was abandoned before.
 *
 *   room for the input ─► large: CheckHold, then stored ─► PlaceHold … ─► large, refused: removed
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
import { isOutage } from '../../infra/event-store/outage.js';
import {
  StoreOverloaded,
  StoreUnavailable,
  type Payload,
  type Position,
} from '../../infra/event-store/port.js';
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
  | {
      readonly outcome: 'accepted';
      readonly requested: Requested;
      /** Of the request; absent where it was found and not answered. */
      readonly position?: Position;
    }
  /** Another request under the same key was first; it may have another body. */
  | { readonly outcome: 'existing'; readonly requested: Requested }
  | { readonly outcome: 'rejected'; readonly reason: Account.Rejection | 'StorageQuotaExceeded' };

/** The request, or the revision at which it would be written. */
type Found =
  | { readonly requested: Requested }
  | { readonly requested?: never; readonly generation: number };

const ROUNDS_MAX = 8;

/** As it is in the log now. */
async function find({ executions }: Commands, executionId: ExecutionId): Promise<Found> {
  return foundIn(await executions.load(executionId));
}

/** A request never changes once it is written: one that was seen is not read again. */
export async function findSeen({ executions }: Commands, executionId: ExecutionId): Promise<Found> {
  return foundIn(await executions.load(executionId, { atLeast: 0 }));
}

/**
 * Throws `StoreUnavailable` or `StoreOverloaded`; a repeat with the same key then goes on. What is
 * refused leaves no payload behind; what an outage or a crash leaves is swept within the hour.
 */
export async function submit(
  commands: Commands,
  submission: Submission,
  generation: number,
): Promise<Submitted> {
  const { organizationId, input } = submission.request;
  const { storedBytes } = commands;
  const { waitingExecutions, storageBytes } = commands.quotas.of(organizationId);
  const attempt = { ...submission, generation, openHoldsMax: waitingExecutions };
  if (!storedBytes.reserve(organizationId, input.bytes, storageBytes))
    return rejectedUnlessThere(commands, attempt, 'StorageQuotaExceeded');
  let position: Position | undefined;
  try {
    const isLarge = input.bytes > SMALL_PAYLOAD_BYTES_MAX;
    const submitted = await (isLarge ? submitLarge : submitSmall)(commands, attempt);
    if (submitted.outcome === 'accepted') ({ position } = submitted);
    return submitted;
  } finally {
    if (position === undefined) storedBytes.release(organizationId, input.bytes);
    else storedBytes.landed(organizationId, input.bytes, position);
  }
}

/** With what `submit` would refuse it now; undefined when it would not. Changes nothing. */
export async function refusalOf(
  { accounts, quotas, storedBytes }: Commands,
  submission: Submission,
): Promise<Account.Rejection | 'StorageQuotaExceeded' | undefined> {
  const { request, metadata } = submission;
  const { organizationId, input } = request;
  const { waitingExecutions: openHoldsMax, storageBytes } = quotas.of(organizationId);
  if (!storedBytes.reserve(organizationId, input.bytes, storageBytes))
    return 'StorageQuotaExceeded';
  storedBytes.release(organizationId, input.bytes);
  const asked = holdAskedBy({ ...submission, generation: 0, openHoldsMax });
  const command = { type: 'CheckHold', ...asked } as const;
  const result = await accounts.submit(organizationId, { command, metadata });
  return result.outcome === 'rejected' ? result.reason : undefined;
}

/** The input is written together with the request, so what is refused was never written. */
async function submitSmall(commands: Commands, attempt: Attempt): Promise<Submitted> {
  const payload = payloadOf(attempt);
  commands.payloads.remember(attempt.request.input, payload.bytes);
  const submitted = await inRounds(commands, { ...attempt, payload });
  // A hold that landed brought its input, also where another request was first.
  if (submitted.outcome === 'existing') await removeUnlessNamed(commands, payload, submitted);
  return submitted;
}

/**
 * The input is stored first, and removed when it is certain that no event names it: its ref is of
 * this request alone. While that is unknown it stays, as it does when the store is away.
 */
async function submitLarge(commands: Commands, attempt: Attempt): Promise<Submitted> {
  const refused = await refusedAlready(commands, attempt);
  if (refused) return refused;
  const payload = payloadOf(attempt);
  await commands.payloads.put(payload);
  try {
    const submitted = await inRounds(commands, attempt);
    if (submitted.outcome !== 'accepted') await removeUnlessNamed(commands, payload, submitted);
    return submitted;
  } catch (error) {
    // Nothing was written for whom there was no place in a queue.
    if (error instanceof StoreOverloaded) await removeUnlessNamed(commands, payload);
    throw error;
  }
}

/** What cannot be removed now is found by the sweep. */
async function removeUnlessNamed(
  { payloads }: Commands,
  { ref }: Payload,
  submitted?: Submitted,
): Promise<void> {
  if (submitted?.outcome === 'existing' && submitted.requested.input.ref === ref) return;
  await payloads.remove(ref).catch((error: unknown) => {
    if (!isOutage(error)) throw error;
  });
}

/** Before anything is stored. Undefined when the hold would be placed, or must be looked into. */
async function refusedAlready(
  { accounts, ...commands }: Commands,
  attempt: Attempt,
): Promise<Submitted | undefined> {
  const { organizationId } = attempt.request;
  const command = { type: 'CheckHold', ...holdAskedBy(attempt) } as const;
  const { metadata } = attempt;
  const result = await accounts.submit(organizationId, { command, metadata });
  if (result.outcome !== 'rejected' || result.hold) return undefined;
  return rejectedUnlessThere({ accounts, ...commands }, attempt, result.reason);
}

/** A refusal may be due to what a duplicate of this very request took. */
async function rejectedUnlessThere(
  commands: Commands,
  { request }: Attempt,
  reason: Account.Rejection | 'StorageQuotaExceeded',
): Promise<Submitted> {
  const { requested } = await find(commands, request.executionId);
  return requested ? { outcome: 'existing', requested } : { outcome: 'rejected', reason };
}

async function inRounds(commands: Commands, first: Attempt): Promise<Submitted> {
  const { executionId } = first.request;
  let { generation } = first;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const done = await tryOnce(commands, { ...first, generation });
    if (done) return done;
    const found = await find(commands, executionId);
    if (found.requested) return { outcome: 'existing', requested: found.requested };
    ({ generation } = found);
  }
  throw new StoreUnavailable(`${executionId} is asked for by too many at once`);
}

interface Attempt extends Submission {
  readonly generation: number;
  readonly openHoldsMax: number;
  readonly payload?: Payload;
}

/** Undefined when the stream must be looked at again. */
async function tryOnce(commands: Commands, attempt: Attempt): Promise<Submitted | undefined> {
  const { request, metadata } = attempt;
  const holdId: HoldId = `hold_${randomUUID()}`;
  const event = requestedEvent(attempt, holdId);
  const result = await commands.accounts.submit(request.organizationId, {
    command: { type: 'PlaceHold', holdId, ...holdAskedBy(attempt) },
    metadata,
    dependent: () => dependentAppendOf(attempt, event),
  });
  switch (result.outcome) {
    case 'accepted':
      if (result.dependent?.status === 'appended')
        return accepted(commands, attempt, event, result.dependent.position);
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
  // A duplicate adopted the hold; it may have another body.
  if (found.requested?.holdId === holdId)
    return { outcome: 'existing', requested: found.requested };
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
  return accepted(commands, attempt, event, outcome.position);
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
  position: Position,
): Submitted {
  const stream = streamOf('execution', attempt.request.executionId);
  executions.learn({ ...event, stream, revision: attempt.generation });
  return { outcome: 'accepted', requested: event.data, position };
}

const holdAskedBy = ({ request, generation, openHoldsMax }: Attempt) => {
  const { organizationId, apiKeyId, executionId, holdAmount: amount, at } = request;
  return { organizationId, apiKeyId, executionId, generation, amount, openHoldsMax, at };
};

const payloadOf = ({ request, inputBytes }: Submission): Payload => ({
  ref: request.input.ref,
  organizationId: request.organizationId,
  bytes: inputBytes,
});

/** Abandonments are only at a stream's beginning, one per generation that came to nothing. */
function foundIn({ state, revision }: Loaded<Execution.State>): Found {
  return 'request' in state ? { requested: state.request } : { generation: revision + 1 };
}
