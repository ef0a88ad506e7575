/**
 * A batch: the executions that were submitted in one call.
 *
 *   none ──► open ──► completed     (all of its executions are over)
 *             ▲            │ BatchExtended: a repeat brought what was refused before
 *             └────────────┘
 *
 * Its executions go their own ways; it knows which they are and when all are over. A request to
 * cancel is for the executions that it has then.
 */
import type { BatchEvent } from '../../contracts/events/batch.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { ApiKeyId, BatchId, ExecutionId, OrganizationId } from '../../contracts/ids.js';
import type { Micros } from '../../contracts/money.js';
import { accept, alreadyDone, reject, type Decision, type Of } from '../decider.js';

export const category = 'batch';

export type Event = BatchEvent;

export type Command =
  | {
      type: 'Submit';
      batchId: BatchId;
      organizationId: OrganizationId;
      apiKeyId: ApiKeyId;
      itemsHash: string;
      executionIds: readonly ExecutionId[];
      rejected: number;
      /** Those of the executions that do not name this batch. */
      others: readonly ExecutionId[];
      at: Timestamp;
    }
  | { type: 'RequestCancel'; apiKeyId: ApiKeyId; at: Timestamp }
  /** `executions` is how many were found to be over. */
  | { type: 'Complete'; executions: number; ends: Ends; at: Timestamp };

/** How its executions ended. */
export interface Ends {
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly expired: number;
  readonly cost: Micros;
}

export type Rejection = 'BatchUnknown' | 'BatchHasOtherItems' | 'BatchIsOver' | 'BatchIsNotOver';

interface Known {
  readonly batchId: BatchId;
  readonly organizationId: OrganizationId;
  readonly itemsHash: string;
  readonly executionIds: readonly ExecutionId[];
  readonly rejected: number;
  readonly cancelRequestedAt?: Timestamp;
}

export type State =
  | { readonly status: 'none' }
  | ({ readonly status: 'open' } & Known)
  | ({ readonly status: 'completed' } & Known);

export const initial = (): State => ({ status: 'none' });

export function evolve(state: State, event: Event): State {
  switch (event.type) {
    case 'BatchSubmitted': {
      const { batchId, organizationId, itemsHash, executionIds, rejected } = event.data;
      return { status: 'open', batchId, organizationId, itemsHash, executionIds, rejected };
    }
    case 'BatchExtended': {
      const { cancelRequestedAt: _, ...before } = known(state);
      const { executionIds, rejected } = event.data;
      const all = [...before.executionIds, ...executionIds];
      return { ...before, status: 'open', executionIds: all, rejected };
    }
    case 'BatchCancelRequested':
      return { ...known(state), status: 'open', cancelRequestedAt: event.data.at };
    case 'BatchCompleted':
      return { ...known(state), status: 'completed' };
  }
}

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  switch (state.status) {
    case 'none':
      return command.type === 'Submit' ? submit(command) : reject('BatchUnknown');
    case 'open':
      return whileOpen(command, state);
    case 'completed':
      return onceCompleted(command, state);
  }
}

function submit({ type: _, others, ...data }: Of<Command, 'Submit'>) {
  const known = others.length > 0 && { others: others.length };
  return accept<Event>({ type: 'BatchSubmitted', data: { ...data, ...known } });
}

function whileOpen(command: Command, state: Known): Decision<Event, Rejection> {
  switch (command.type) {
    case 'Submit':
      return extend(command, state);
    case 'RequestCancel': {
      if (state.cancelRequestedAt) return alreadyDone;
      const { type: _, ...data } = command;
      return accept({ type: 'BatchCancelRequested', data: { ...of(state), ...data } });
    }
    case 'Complete': {
      if (command.executions !== state.executionIds.length) return reject('BatchIsNotOver');
      const { ends, at } = command;
      const { rejected } = state;
      return accept({ type: 'BatchCompleted', data: { ...of(state), ...ends, rejected, at } });
    }
  }
}

function onceCompleted(command: Command, state: Known): Decision<Event, Rejection> {
  switch (command.type) {
    case 'Submit':
      return extend(command, state);
    case 'RequestCancel':
      return state.cancelRequestedAt ? alreadyDone : reject('BatchIsOver');
    case 'Complete':
      return alreadyDone;
  }
}

/** The same items again: those that were accepted this time join. */
function extend(
  { type: _, itemsHash, executionIds, others, ...data }: Of<Command, 'Submit'>,
  state: Known,
): Decision<Event, Rejection> {
  if (itemsHash !== state.itemsHash) return reject('BatchHasOtherItems');
  const there = new Set(state.executionIds);
  const joining = executionIds.filter((id) => !there.has(id));
  if (joining.length === 0) return alreadyDone;
  const foreign = others.filter((id) => !there.has(id)).length;
  const known = foreign > 0 && { others: foreign };
  const event = { ...data, executionIds: joining, ...known };
  return accept<Event>({ type: 'BatchExtended', data: event });
}

/** History already happened; a log that contradicts itself is a defect, not a refusal. */
function known(state: State): Known {
  if (state.status === 'none') throw new Error('a batch went on without being submitted');
  return state;
}

const of = ({ batchId, organizationId }: Known) => ({ batchId, organizationId });
