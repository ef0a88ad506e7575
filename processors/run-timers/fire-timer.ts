/** What each kind of timer does when it is due. */
import type { DeliveryId, ExecutionId } from '../../contracts/ids.js';
import * as Execution from '../../domain/execution/execution.js';
import { load, transact, type Cause } from '../../command-handling/transact.js';
import type { Infra } from '../../runtime/infra.js';
import type { DueTimer } from '../../infra/read-store/timers.js';
import { causeOf } from '../cause.js';
import { settle } from '../settle-execution/settle-execution.js';

/** What belongs to other processors of this app. */
export interface TimerActions {
  advance(executionId: ExecutionId, cause: Cause, signal: AbortSignal): Promise<string>;
  /** In the background: a receiver may take its time. */
  attemptDelivery(deliveryId: DeliveryId, executionId: ExecutionId): string;
}

export async function fireTimer(
  infra: Infra,
  actions: TimerActions,
  timer: DueTimer,
  signal: AbortSignal,
): Promise<string> {
  const cause = causeOf('run-timers', timer.executionId, timer.id);
  switch (timer.kind) {
    case 'expire-execution':
      return expire(infra, timer.executionId, cause);
    case 'attempt-deadline':
      return passDeadline(infra, timer, cause);
    case 'retry-attempt':
      return actions.advance(timer.executionId, cause, signal);
    case 'attempt-webhook':
      return actions.attemptDelivery(timer.deliveryId, timer.executionId);
    case 'reconcile-hold':
      return reconcileHold(infra, timer, cause);
  }
}

async function expire({ store, now }: Infra, executionId: ExecutionId, cause: Cause) {
  const at = new Date(now()).toISOString();
  const result = await transact(store, Execution, executionId, { type: 'Expire', at }, cause);
  return result.outcome === 'rejected' ? result.reason : result.outcome;
}

/** The process that made the call did not live to record its end: what came of it is unknown. */
async function passDeadline(
  { store, catalogue, now }: Infra,
  { executionId, attempt }: { readonly executionId: ExecutionId; readonly attempt: number },
  cause: Cause,
): Promise<string> {
  const { models, providers } = catalogue.current();
  const at = new Date(now()).toISOString();
  const command = (state: Execution.State): Execution.Command | undefined => {
    if (state.status !== 'processing' && state.status !== 'awaitingWebhook') return undefined;
    const repeatable = providers.get(state.current.provider)?.honoursIdempotencyKey ?? false;
    const attemptsMax = models.get(state.request.model)?.attemptsMax ?? 1;
    const reason = 'the deadline passed without an outcome';
    return { type: 'RecordUnknown', attempt, reason, repeatable, attemptsMax, at };
  };
  const result = await transact<
    Execution.State,
    Execution.Command,
    Execution.Event,
    Execution.Rejection
  >(store, Execution, executionId, command, cause);
  return result.outcome === 'rejected' ? result.reason : result.outcome;
}

/**
 * A hold that is still open long after it was placed: its execution never followed (abandon it,
 * which fences a slow writer, then release), is funded by another hold (release), is over (end it
 * as the execution says), or still runs (leave it).
 */
async function reconcileHold(
  infra: Infra,
  timer: Extract<DueTimer, { kind: 'reconcile-hold' }>,
  cause: Cause,
): Promise<string> {
  const { store } = infra;
  const { executionId, organizationId, holdId } = timer;
  const at = new Date(infra.now()).toISOString();
  const { state } = await load(store, Execution, executionId);
  if ('request' in state) {
    if (state.request.holdId !== holdId) return release(infra, timer, 'orphaned', cause);
    return settle(infra, executionId, cause);
  }
  const abandon: Execution.Command = { type: 'Abandon', executionId, organizationId, holdId, at };
  const result = await transact(store, Execution, executionId, abandon, cause);
  if (result.outcome === 'rejected') return 'requested_meanwhile';
  return release(infra, timer, 'abandoned', cause);
}

async function release(
  { accounts, now }: Infra,
  { organizationId, executionId, holdId }: Extract<DueTimer, { kind: 'reconcile-hold' }>,
  reason: 'orphaned' | 'abandoned',
  cause: Cause,
): Promise<string> {
  const at = new Date(now()).toISOString();
  const command = { type: 'ReleaseHold', organizationId, executionId, holdId, reason, at } as const;
  const result = await accounts.submit(organizationId, { command, cause });
  return result.outcome === 'rejected' ? result.reason : `released_${reason}`;
}
