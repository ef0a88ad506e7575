/**
 * One execution, from acceptance to its one terminal state.
 *
 *   none ──► pending ◄──────────────┐ ProviderFailed (retryable), ProviderOutcomeUnknown
 *    │          │ ProviderDispatched │
 *    │          ▼                    │
 *    │      processing ──────────────┤
 *    │          │ ProviderAccepted   │
 *    │          ├──► awaitingWebhook ┘
 *    │          │ ProviderSucceeded
 *    │          ▼
 *    │      delivered   (files are being re-hosted; callers still see PROCESSING)
 *    │          │
 *    │          ▼
 *    │      completed · failed · cancelled · expired      (terminal: nothing changes any more)
 *    └──► abandoned ──► pending   (nobody ever got a 202; the same key may ask again)
 */
import type { Timestamp } from '../../contracts/events/envelope.js';
import type {
  Advice,
  ExecutionEvent,
  ProviderDispatched,
} from '../../contracts/events/execution.js';
import { errorCatalogue, type CanonicalCode } from '../../contracts/error-codes.js';
import type { HoldId } from '../../contracts/ids.js';
import { accept, alreadyDone, reject, type Decision, type Of } from '../decider.js';
import { chargeOf } from './charge.js';
import type { Command, Success } from './commands.js';
import { canAskAgain, doubtsOf, isAffordable, keyFor } from './doubt.js';
import { evolve, type Known, type State } from './lifecycle.js';

export const category = 'execution';

export type Event = ExecutionEvent;

export type { Command, Completion, Failure, Success, Unknown } from './commands.js';

export type Rejection =
  | 'NotRequested'
  | 'RequestedAlready'
  | 'Abandoned'
  | 'AlreadyFinished'
  | 'NotDispatchable'
  | 'NotThisAttempt'
  | 'NotDelivered'
  | 'NotYetDue';

/** How long a delivered output may take to be re-hosted past its execution's expiry. */
export const REHOST_GRACE_MS = 15 * 60_000;

export { abandonedJob, evolve, initial, outcomeIsKnown } from './lifecycle.js';
export type { Attempt, Job, State } from './lifecycle.js';

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  switch (state.status) {
    case 'none':
      return beforeRequest(command, NO_ABANDONMENT);
    case 'abandoned':
      return beforeRequest(command, state.holdIds);
    case 'pending':
      return whilePending(command, state);
    case 'processing':
    case 'awaitingWebhook':
      return whileInFlight(command, state);
    case 'delivered':
      return whileDelivered(command, state);
    case 'completed':
    case 'failed':
    case 'cancelled':
    case 'expired':
      return onceFinished(command, state);
  }
}

const NO_ABANDONMENT: readonly HoldId[] = [];

type Answer = Decision<Event, Rejection>;

/** Fencing: once a hold is abandoned, its request can only be made anew, with a hold of its own. */
function beforeRequest(command: Command, abandoned: readonly HoldId[]): Answer {
  switch (command.type) {
    case 'Request':
      if (abandoned.includes(command.data.holdId)) return reject('Abandoned');
      return accept({ type: 'ExecutionRequested', data: command.data });
    case 'Abandon': {
      if (abandoned.includes(command.holdId)) return alreadyDone;
      const { type: _, ...data } = command;
      return accept({ type: 'ExecutionAbandoned', data });
    }
    case 'Dispatch':
    case 'RecordAccepted':
    case 'RecordSuccess':
    case 'RecordFailure':
    case 'RecordUnknown':
    case 'Complete':
    case 'Fail':
    case 'Cancel':
    case 'Expire':
      return reject('NotRequested');
  }
}

function whilePending(command: Command, state: The<'pending'>): Answer {
  switch (command.type) {
    case 'Request':
      return requestAgain(command, state);
    case 'Dispatch':
      return dispatch(command, state);
    case 'RecordAccepted':
    case 'RecordSuccess':
    case 'RecordFailure':
    case 'RecordUnknown':
      return reject('NotThisAttempt');
    case 'Complete':
      return reject('NotDelivered');
    case 'Fail':
      return accept(failed(state, command.code, command.at, command));
    case 'Cancel':
      return accept(cancelled(state, command.at));
    case 'Expire':
      return expire(command, state, state.request.expiresAt);
    case 'Abandon':
      return reject('RequestedAlready');
  }
}

function whileInFlight(command: Command, state: The<'processing' | 'awaitingWebhook'>): Answer {
  switch (command.type) {
    case 'Request':
      return requestAgain(command, state);
    case 'Dispatch':
      return reject('NotDispatchable');
    case 'RecordAccepted':
      return recordAccepted(command, state);
    case 'RecordSuccess':
      return recordSuccess(command, state);
    case 'RecordFailure':
      return recordFailure(command, state);
    case 'RecordUnknown':
      return recordUnknown(command, state);
    case 'Complete':
      return completeAtOnce(command, state);
    case 'Fail':
      return accept(failed(state, command.code, command.at, command));
    case 'Cancel':
      return accept(cancelled(state, command.at));
    case 'Expire':
      return expire(command, state, state.request.expiresAt);
    case 'Abandon':
      return reject('RequestedAlready');
  }
}

/** The provider is owed for its output, so it is not thrown away by an expiry that comes first. */
function whileDelivered(command: Command, state: The<'delivered'>): Answer {
  switch (command.type) {
    case 'Request':
      return requestAgain(command, state);
    case 'Dispatch':
      return reject('NotDispatchable');
    case 'RecordSuccess':
      return command.attempt === state.current.attempt ? alreadyDone : reject('NotThisAttempt');
    case 'RecordAccepted':
    case 'RecordFailure':
    case 'RecordUnknown':
      return reject('NotThisAttempt');
    case 'Complete':
      return complete(command, state, command.completion.success ?? state.success);
    case 'Fail':
      return accept(failed(state, command.code, command.at, command));
    case 'Cancel':
      return accept(cancelled(state, command.at));
    case 'Expire': {
      const graceEnds = Date.parse(state.success.at) + REHOST_GRACE_MS;
      const due = Math.max(graceEnds, Date.parse(state.request.expiresAt));
      return expire(command, state, new Date(due).toISOString());
    }
    case 'Abandon':
      return reject('RequestedAlready');
  }
}

function onceFinished(command: Command, state: Terminal): Answer {
  switch (command.type) {
    case 'Request':
      return requestAgain(command, state);
    case 'Cancel':
      return state.status === 'cancelled' ? alreadyDone : reject('AlreadyFinished');
    case 'Expire':
      return state.status === 'expired' ? alreadyDone : reject('AlreadyFinished');
    case 'Complete':
      return state.status === 'completed' ? alreadyDone : reject('AlreadyFinished');
    case 'Fail':
      return state.status === 'failed' ? alreadyDone : reject('AlreadyFinished');
    case 'Dispatch':
    case 'RecordAccepted':
    case 'RecordSuccess':
    case 'RecordFailure':
    case 'RecordUnknown':
      return reject('AlreadyFinished');
    case 'Abandon':
      return reject('RequestedAlready');
  }
}

type The<S extends State['status']> = Extract<State, { status: S }>;
type Terminal = The<'completed' | 'failed' | 'cancelled' | 'expired'>;
type InFlight = The<'processing' | 'awaitingWebhook'>;

/**
 * The idempotency key names the execution, so asking again is the same request, whatever the body.
 */
const requestAgain = (command: Of<Command, 'Request'>, { request }: Known): Answer =>
  command.data.bodyHash === request.bodyHash ? alreadyDone : reject('RequestedAlready');

function dispatch(command: Of<Command, 'Dispatch'>, state: The<'pending'>): Answer {
  if (state.notBefore && command.at < state.notBefore) return reject('NotYetDue');
  if (command.at >= state.request.expiresAt) return reject('NotDispatchable');
  const { dispatchKey, unknownMaxCost = 0n } = command;
  const key = keyFor(state.attempts, command, unknownMaxCost);
  const isKeyUsed = state.attempts.some((attempt) => attempt.dispatchKey === dispatchKey);
  if (key === 'new' ? isKeyUsed : key !== dispatchKey) return reject('NotDispatchable');
  const isRisk = key === 'new' && doubtsOf(state.attempts).length > 0;
  const data = claimOf(command, state);
  return accept({
    type: 'ProviderDispatched',
    data: isRisk ? { ...data, unknownMaxCost } : data,
  });
}

type Claim = ProviderDispatched['data'];

/** Field by field: a literal that begins with a spread costs more than all else here. */
function claimOf(command: Of<Command, 'Dispatch'>, state: The<'pending'>): Claim {
  const { provider, route, account, model, region, dispatchKey } = command;
  return {
    executionId: state.request.executionId,
    organizationId: state.request.organizationId,
    at: command.at,
    attempt: state.attempts.length + 1,
    provider,
    route,
    ...(account !== undefined && { account }),
    ...(model !== undefined && { model }),
    ...(region !== undefined && { region }),
    dispatchKey,
    deadline: command.deadline,
    candidates: command.candidates,
  };
}

function recordAccepted(command: Of<Command, 'RecordAccepted'>, state: InFlight): Answer {
  if (command.attempt !== state.current.attempt) return reject('NotThisAttempt');
  if (state.status === 'awaitingWebhook') return alreadyDone;
  const { type: _, ...data } = command;
  return accept({ type: 'ProviderAccepted', data: { ...identityOf(state), ...data } });
}

function recordSuccess(command: Of<Command, 'RecordSuccess'>, state: InFlight): Answer {
  if (command.attempt !== state.current.attempt) return reject('NotThisAttempt');
  const { output, usage, providerCost } = command.success;
  const charge = chargeOf(command.success, state.request.holdAmount);
  const data = { ...onAttempt(state, command.at), output, usage, ...charge, providerCost };
  return accept({ type: 'ProviderSucceeded', data });
}

function recordFailure({ attempt, failure, at }: Of<Command, 'RecordFailure'>, state: InFlight) {
  if (attempt !== state.current.attempt) return reject('NotThisAttempt');
  const { attemptsMax, retryAfterSeconds, ...rest } = failure;
  const event: Event = { type: 'ProviderFailed', data: { ...onAttempt(state, at), ...rest } };
  const goesOn = failure.retryable && attempt < attemptsMax;
  if (goesOn) return accept(event);
  const { code, details } = failure;
  return accept(event, failed(state, code, at, { details, retryAfterSeconds }));
}

/** Never blindly repeated: doubt.ts says what may follow. */
function recordUnknown(command: Of<Command, 'RecordUnknown'>, state: InFlight): Answer {
  const { type: _, attempt, at, attemptsMax, unknownMaxCost, ...rest } = command;
  if (attempt !== state.current.attempt) return reject('NotThisAttempt');
  const event: Event = {
    type: 'ProviderOutcomeUnknown',
    data: { ...onAttempt(state, at), ...rest },
  };
  const { attempts } = evolve(state, event) as The<'pending'>;
  const goesOn = canAskAgain(attempts) || isAffordable(attempts, unknownMaxCost);
  const isLast = attempt >= attemptsMax;
  return goesOn && !isLast ? accept(event) : accept(event, failed(state, 'GENERATION_TIMEOUT', at));
}

/** An output without files is complete as soon as the provider delivered it: one event. */
function completeAtOnce(command: Of<Command, 'Complete'>, state: InFlight): Answer {
  const { success } = command.completion;
  return success ? complete(command, state, success) : reject('NotDelivered');
}

function complete(
  { attempt, completion, at }: Of<Command, 'Complete'>,
  state: InFlight | The<'delivered'>,
  success: Success,
): Answer {
  if (attempt !== state.current.attempt) return reject('NotThisAttempt');
  const { output, files, summary, detail } = completion;
  const latencyMs = Math.max(0, Date.parse(at) - Date.parse(state.request.at));
  const { holdId, holdAmount } = state.request;
  const { usage, providerCost } = success;
  const data = {
    executionId: state.request.executionId,
    organizationId: state.request.organizationId,
    at,
    attempt,
    holdId,
    output,
    files,
    summary,
    usage,
    ...chargeOf(success, holdAmount),
    providerCost,
    latencyMs,
    ...(detail !== undefined && { detail }),
  };
  return accept({ type: 'ExecutionCompleted', data });
}

function expire({ at }: Of<Command, 'Expire'>, state: Known, dueAt: Timestamp): Answer {
  if (at < dueAt) return reject('NotYetDue');
  return accept({ type: 'ExecutionExpired', data: ending(state, at) });
}

const cancelled = (state: Known, at: Timestamp): Event => ({
  type: 'ExecutionCancelled',
  data: ending(state, at),
});

interface Why {
  readonly detail?: string | undefined;
  readonly details?: Advice['details'] | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

function failed(state: Known, code: CanonicalCode, at: Timestamp, why: Why = {}): Event {
  const { message, retryable } = errorCatalogue[code];
  const { detail, details, retryAfterSeconds } = why;
  const told = {
    ...(detail !== undefined && { detail }),
    ...(details !== undefined && { details }),
    ...(retryable && retryAfterSeconds !== undefined && { retryAfterSeconds }),
  };
  const data = { ...ending(state, at), code, message, retryable, ...told };
  return { type: 'ExecutionFailed', data };
}

const identityOf = ({ request }: Known) => ({
  executionId: request.executionId,
  organizationId: request.organizationId,
});

const onAttempt = (state: InFlight, at: Timestamp) => {
  const { executionId, organizationId } = state.request;
  const { attempt, provider, route } = state.current;
  return { executionId, organizationId, at, attempt, provider, route };
};

const ending = ({ request: { executionId, organizationId, holdId } }: Known, at: Timestamp) => ({
  executionId,
  organizationId,
  holdId,
  at,
});
