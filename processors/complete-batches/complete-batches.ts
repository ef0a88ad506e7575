/**
 * Learns when the last execution of a batch is over, and cancels batches.
 *
 *   BatchSubmitted, BatchExtended ───┐
 *   an execution of it is over ──────┼──► are all over? ──yes──► BatchCompleted
 *   timer, while others are in it ───┘
 *
 * Whoever is last finds all over: an ending that is in the log before the batch is found when the
 * batch is looked at, and a later one looks at the batch itself. An execution that was accepted
 * elsewhere does not name the batch, so that a timer asks for it.
 *
 * Executions without a batch cost nothing here: their endings are passed on by settle-execution.
 */
import type { BatchEvent } from '../../contracts/events/batch.js';
import type { BatchId, ExecutionId } from '../../contracts/ids.js';
import { idOf } from '../../contracts/streams.js';
import type { CommandMetadata } from '../../command-handling/command-metadata.js';
import { readEvents } from '../../command-handling/streams.js';
import type * as Batch from '../../domain/batch/batch.js';
import { chargeOf } from '../../domain/execution/charge.js';
import type * as Execution from '../../domain/execution/execution.js';
import type { Group, Notification } from '../../infra/event-bus/port.js';
import { openRecentMap } from '../../infra/recent-map.js';
import type { Infra } from '../../runtime/infra.js';
import { metadataOf } from '../command-metadata.js';

type Needed = Pick<Infra, 'batches' | 'executions' | 'now' | 'store'>;

export interface CompleteBatches {
  readonly group: Group;
  /** Appends the completion if all are over. Answers a word for what was found. */
  check(batchId: BatchId, metadata: CommandMetadata): Promise<string>;
}

/** What this process knows of a batch: never more than the log says. */
interface Progress {
  /** So many of the batch's executions were taken up. */
  taken: number;
  /** Not known to be over. */
  readonly waiting: Set<ExecutionId>;
  readonly ends: { completed: number; failed: number; cancelled: number; expired: number };
  cost: bigint;
}

/** Executions of the batches that are kept in mind. */
const REMEMBERED_MAX = 100_000;
/** Of one batch, at a time. */
const LOOKS_AT_ONCE = 32;
const CANCELS_AT_ONCE = 16;

export function openCompleteBatches(infra: Needed): CompleteBatches {
  const known = openRecentMap<BatchId, Progress>({
    costMax: REMEMBERED_MAX,
    entriesMax: Infinity,
  });
  const progressOf = (batchId: BatchId, size: number): Progress => {
    const kept = known.get(batchId);
    if (kept) return kept;
    const ends = { completed: 0, failed: 0, cancelled: 0, expired: 0 };
    const progress: Progress = { taken: 0, waiting: new Set(), ends, cost: 0n };
    known.set(batchId, progress, size + 1);
    return progress;
  };

  async function check(batchId: BatchId, metadata: CommandMetadata): Promise<string> {
    const state = await openOf(infra, batchId);
    if (typeof state === 'string') return state;
    const { executionIds } = state;
    const progress = progressOf(batchId, executionIds.length);
    for (const id of executionIds.slice(progress.taken)) progress.waiting.add(id);
    progress.taken = Math.max(progress.taken, executionIds.length);
    if (!(await allAreOver(infra, progress))) return 'not_over';
    const { ends, cost } = progress;
    const completed = await infra.batches.transact(
      batchId,
      {
        type: 'Complete',
        executions: progress.taken,
        ends: { ...ends, cost },
        at: new Date(infra.now()).toISOString(),
      },
      metadata,
    );
    // More joined meanwhile: the notification of that looks again.
    if (completed.outcome === 'rejected') return 'not_over';
    known.delete(batchId);
    return completed.outcome === 'accepted' ? 'completed' : 'completed_before';
  }

  return {
    check,
    group: {
      name: 'complete-batches',
      categories: ['batch'],
      subscribesTo: ['BatchSubmitted', 'BatchExtended', 'BatchCancelRequested'],
      concurrencyMax: 16,
      attemptsMax: 30,
      async handle(notification) {
        const batchId = idOf(notification.stream) as BatchId;
        if (notification.type === 'BatchCancelRequested') await cancelAll(infra, notification);
        return check(batchId, metadataOf('complete-batches', batchId, notification));
      },
    },
  };
}

type Open = Extract<Batch.State, { status: 'open' }>;

/** A state from memory may be behind; then its completion is refused, or there is one to read. */
async function openOf({ batches }: Needed, batchId: BatchId): Promise<Open | string> {
  const { state: cached } = await batches.load(batchId, { atLeast: 0 });
  if (cached.status === 'open') return cached;
  const { state } = await batches.load(batchId);
  if (state.status === 'open') return state;
  return state.status === 'none' ? 'not_submitted' : 'completed_before';
}

/** Looks at one until that is over, then at the next, so that an ending costs a look or two. */
async function allAreOver(infra: Needed, progress: Progress): Promise<boolean> {
  const { waiting } = progress;
  for (let most = 1; waiting.size > 0; most = LOOKS_AT_ONCE) {
    const some = [...firstOf(waiting, most)];
    const states = await Promise.all(some.map((id) => newestOf(infra, id)));
    let areOver = true;
    for (const [index, state] of states.entries())
      areOver = note(progress, some[index]!, state) && areOver;
    if (!areOver) return false;
  }
  return true;
}

function* firstOf<T>(set: ReadonlySet<T>, most: number): Generator<T> {
  let count = 0;
  for (const one of set) {
    if (count++ >= most) return;
    yield one;
  }
}

/** What is over stays as it is, so that it need not be read again. */
async function newestOf({ executions }: Needed, id: ExecutionId): Promise<Execution.State> {
  const { state } = await executions.load(id, { atLeast: 0 });
  return isOver(state) ? state : (await executions.load(id)).state;
}

type Over = Extract<Execution.State, { status: 'completed' | 'failed' | 'cancelled' | 'expired' }>;

const isOver = (state: Execution.State): state is Over =>
  state.status === 'completed' ||
  state.status === 'failed' ||
  state.status === 'cancelled' ||
  state.status === 'expired';

/** Whether it is over; each is counted once, whoever else looks at the same time. */
function note(progress: Progress, id: ExecutionId, state: Execution.State): boolean {
  if (!isOver(state)) return false;
  if (!progress.waiting.delete(id)) return true;
  progress.ends[state.status] += 1;
  if (state.status === 'completed') {
    const { ratedCost, request } = state;
    progress.cost += chargeOf({ cost: ratedCost }, request.holdAmount).cost;
  }
  return true;
}

/** The executions that the batch had when that was asked for. */
async function cancelAll(infra: Needed, notification: Notification): Promise<void> {
  const { stream, revision } = notification;
  const events = await readEvents<BatchEvent>(infra.store, stream);
  const ids = events
    .filter((event) => event.revision < revision)
    .flatMap(({ data }) => ('executionIds' in data ? data.executionIds : []));
  const queue = ids.values();
  const lane = async () => {
    for (const id of queue) {
      const at = new Date(infra.now()).toISOString();
      const metadata = metadataOf('complete-batches', id, notification);
      await infra.executions.transact(id, { type: 'Cancel', at }, metadata);
    }
  };
  await Promise.all(Array.from({ length: CANCELS_AT_ONCE }, lane));
}
