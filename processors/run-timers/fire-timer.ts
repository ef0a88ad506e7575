/** What each kind of timer does when it is due. */
import type { BatchId, ExecutionId } from '../../contracts/ids.js';
import { idOf } from '../../contracts/streams.js';
import type * as Execution from '../../domain/execution/execution.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import type { Infra } from '../../runtime/infra.js';
import type { DueTimer } from '../../infra/read-store/timers.js';
import { metadataOf } from '../command-metadata.js';
import type { CompleteBatches } from '../complete-batches/complete-batches.js';
import type { PollProviderJobs } from '../poll-provider-jobs/poll-provider-jobs.js';
import { settle } from '../settle-execution/settle-execution.js';
import { expireFile, removeFile } from './file-timers.js';
import type { Fired } from './fired.js';
import { passDeadline } from './pass-deadline.js';

/** What belongs to other processors of this app. */
export interface TimerActions {
  advance(executionId: ExecutionId, metadata: CommandMetadata, signal: AbortSignal): Promise<Fired>;
  readonly poll: PollProviderJobs['poll'];
  readonly checkBatch: CompleteBatches['check'];
}

export async function fireTimer(
  infra: Infra,
  actions: TimerActions,
  timer: DueTimer,
  signal: AbortSignal,
): Promise<Fired> {
  if (timer.kind === 'expire-file')
    return expireFile(infra, timer, metadataOf('run-timers', timer.fileId, timer.id));
  if (timer.kind === 'remove-file')
    return removeFile(infra, timer, metadataOf('run-timers', timer.fileId, timer.id));
  if (timer.kind === 'check-batch') return checkBatch(infra, actions, timer);
  const metadata = metadataOf('run-timers', timer.executionId, timer.id);
  if (timer.kind === 'retry-attempt') return actions.advance(timer.executionId, metadata, signal);
  if (timer.kind === 'poll-provider-job') return actions.poll(timer, metadata, signal);
  // The row may be older than the acceptance: a job is asked about before it is given up.
  if (timer.kind === 'attempt-deadline' && (await isAwaited(infra, timer.executionId)))
    return actions.poll(timer, metadata, signal);
  return { outcome: await fireOnce(infra, actions, timer, metadata) };
}

const BATCH_PAUSE_MIN_MS = 2_000;
const BATCH_PAUSE_MAX_MS = 60_000;

/** The longer it has taken, the less often it is looked at. */
async function checkBatch(
  { now }: Infra,
  actions: TimerActions,
  timer: Extract<DueTimer, { kind: 'check-batch' }>,
): Promise<Fired> {
  const batchId = idOf(timer.stream) as BatchId;
  const outcome = await actions.checkBatch(batchId, metadataOf('run-timers', batchId, timer.id));
  if (outcome !== 'not_over') return { outcome };
  const ageMs = now() - Date.parse(timer.dueAt);
  const againInMs = Math.min(BATCH_PAUSE_MAX_MS, Math.max(BATCH_PAUSE_MIN_MS, ageMs / 10));
  return { outcome, againInMs };
}

async function isAwaited({ executions }: Infra, executionId: ExecutionId): Promise<boolean> {
  const { state } = await executions.load(executionId);
  return state.status === 'awaitingWebhook';
}

async function fireOnce(
  infra: Infra,
  actions: TimerActions,
  timer: Extract<DueTimer, { kind: 'expire-execution' | 'attempt-deadline' | 'reconcile-hold' }>,
  metadata: CommandMetadata,
): Promise<string> {
  switch (timer.kind) {
    case 'expire-execution':
      return expire(infra, timer.executionId, metadata);
    case 'attempt-deadline':
      return passDeadline(infra, timer, metadata);
    case 'reconcile-hold':
      return reconcileHold(infra, timer, metadata);
  }
}

async function expire(infra: Infra, executionId: ExecutionId, metadata: CommandMetadata) {
  const at = new Date(infra.now()).toISOString();
  const result = await infra.executions.transact(executionId, { type: 'Expire', at }, metadata);
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
  metadata: CommandMetadata,
): Promise<string> {
  const { executions } = infra;
  const { executionId, organizationId, holdId } = timer;
  const at = new Date(infra.now()).toISOString();
  const { state } = await executions.load(executionId);
  if ('request' in state) {
    if (state.request.holdId !== holdId) return release(infra, timer, 'orphaned', metadata);
    return settle(infra, executionId, metadata);
  }
  const abandon: Execution.Command = { type: 'Abandon', executionId, organizationId, holdId, at };
  const result = await executions.transact(executionId, abandon, metadata);
  if (result.outcome === 'rejected') return 'requested_meanwhile';
  return release(infra, timer, 'abandoned', metadata);
}

async function release(
  { accounts, now }: Infra,
  { organizationId, executionId, holdId }: Extract<DueTimer, { kind: 'reconcile-hold' }>,
  reason: 'orphaned' | 'abandoned',
  metadata: CommandMetadata,
): Promise<string> {
  const at = new Date(now()).toISOString();
  const command = { type: 'ReleaseHold', organizationId, executionId, holdId, reason, at } as const;
  const result = await accounts.submit(organizationId, { command, metadata });
  return result.outcome === 'rejected' ? result.reason : `released_${reason}`;
}
