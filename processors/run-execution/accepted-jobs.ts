/**
 * The slots of jobs that providers accepted: a provider's bulkhead counts what runs there, not only
 * calls that are open (ADR 19). This process took the slot; any process may record the job's end.
 *
 *   accepted ──► kept ──► its end was recorded here: given back at once
 *                  └────► it was recorded elsewhere: given back at the next look at its execution
 */
import type { ExecutionId } from '../../contracts/ids.js';
import type * as Execution from '../../domain/execution/execution.js';
import type { CallEnding } from '../../domain/routing/health.js';
import type { Infra } from '../../runtime/infra.js';
import type { ProviderSlot } from './provider-pool.js';

export interface AcceptedJobs {
  keep(job: KeptJob): void;
  /** Its slot is given back, if this process has it. */
  end(executionId: ExecutionId, attempt: number, ending: CallEnding, retryAfterMs?: number): void;
  /** How many slots are kept. */
  readonly size: number;
  close(): void;
}

export interface KeptJob {
  readonly executionId: ExecutionId;
  readonly attempt: number;
  readonly slot: ProviderSlot;
  /** Of the monotonic clock, when the attempt was claimed. */
  readonly claimedAtMs: number;
}

/** A slot of a job that ended elsewhere is idle for so long at most. */
const LOOK_EVERY_MS = 5_000;

export function openAcceptedJobs({
  executions,
  log,
}: Pick<Infra, 'executions' | 'log'>): AcceptedJobs {
  const kept = new Map<ExecutionId, KeptJob>();
  let timer: NodeJS.Timeout | undefined;
  let isLooking = false;

  const giveBack = (job: KeptJob, ending: CallEnding, retryAfterMs?: number) => {
    if (kept.get(job.executionId) === job) kept.delete(job.executionId);
    job.slot.release(ending, performance.now() - job.claimedAtMs, retryAfterMs);
    if (kept.size === 0) clearInterval(timer);
  };

  const look = async () => {
    if (isLooking) return;
    isLooking = true;
    try {
      for (const job of kept.values()) {
        const { state } = await executions.load(job.executionId);
        const ending = endingElsewhere(state, job.attempt);
        if (ending && kept.get(job.executionId) === job) giveBack(job, ending);
      }
    } catch (err) {
      log.warn({ err }, 'jobs at providers could not be looked at; trying again');
    } finally {
      isLooking = false;
    }
  };

  return {
    keep(job) {
      if (kept.size === 0) timer = setInterval(() => void look(), LOOK_EVERY_MS).unref();
      kept.set(job.executionId, job);
    },
    end(executionId, attempt, ending, retryAfterMs) {
      const job = kept.get(executionId);
      if (job?.attempt === attempt) giveBack(job, ending, retryAfterMs);
    },
    get size() {
      return kept.size;
    },
    close: () => clearInterval(timer),
  };
}

/** Undefined while the job runs. */
function endingElsewhere(state: Execution.State, attempt: number): CallEnding | undefined {
  if (!('attempts' in state)) return 'neutral';
  const own = state.attempts.find((one) => one.attempt === attempt);
  if (own?.ended === 'unknown') return 'failed';
  if (own?.ended || attempt < state.attempts.length) return 'neutral';
  switch (state.status) {
    case 'processing':
    case 'awaitingWebhook':
      return undefined;
    case 'delivered':
    case 'completed':
      return 'succeeded';
    case 'pending':
    case 'failed':
    case 'cancelled':
    case 'expired':
      return 'neutral';
  }
}
