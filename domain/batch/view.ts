/**
 * A batch as its owner sees it: in `GET /v1/batches/{id}` and in `batch.completed`. Once it is over
 * its events say all of it; until then the statuses of its executions are counted.
 */
import type { BatchCompleted, BatchEvent } from '../../contracts/events/batch.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { BatchId, ExecutionId, OrganizationId } from '../../contracts/ids.js';
import { formatMoney, type Micros } from '../../contracts/money.js';
import type { PublicStatus } from '../execution/view.js';

export interface BatchView {
  readonly id: BatchId;
  readonly organizationId: OrganizationId;
  readonly executionIds: readonly ExecutionId[];
  readonly rejected: number;
  readonly createdAt: Timestamp;
  readonly cancelRequestedAt?: Timestamp;
  /** Once all of its executions are over. */
  readonly completion?: BatchCompleted['data'];
}

/** Of the executions that are not over yet, or are; those that are not in it are pending. */
export interface StatusCount {
  readonly status: PublicStatus;
  readonly count: number;
  readonly cost: Micros;
}

type BatchStatus = 'PROCESSING' | 'CANCELLING' | 'COMPLETED' | 'CANCELLED';

interface BatchBody {
  readonly id: BatchId;
  readonly status: BatchStatus;
  readonly counts: BatchCounts;
  readonly cost: string;
  readonly created_at: Timestamp;
  readonly cancel_requested_at: Timestamp | null;
  readonly completed_at: Timestamp | null;
  readonly links: { readonly self: string; readonly executions: string };
}

interface BatchCounts {
  /** All that follow, together. */
  readonly total: number;
  readonly pending: number;
  readonly processing: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly expired: number;
  readonly rejected: number;
}

export function foldBatch(view: BatchView | undefined, event: BatchEvent): BatchView | undefined {
  if (event.type === 'BatchSubmitted') {
    const { batchId: id, organizationId, executionIds, rejected, at: createdAt } = event.data;
    return { id, organizationId, executionIds, rejected, createdAt };
  }
  if (!view) return undefined;
  switch (event.type) {
    case 'BatchExtended': {
      const { cancelRequestedAt: _, completion: __, ...before } = view;
      const { executionIds, rejected } = event.data;
      return { ...before, executionIds: [...view.executionIds, ...executionIds], rejected };
    }
    case 'BatchCancelRequested':
      return { ...view, cancelRequestedAt: event.data.at };
    case 'BatchCompleted':
      return { ...view, completion: event.data };
  }
}

/** `statuses` need not be given for one that is over. */
export function batchBody(view: BatchView, statuses: readonly StatusCount[] = []): BatchBody {
  const { id, createdAt, cancelRequestedAt, completion } = view;
  return {
    id,
    status: batchStatusOf({ isOver: completion !== undefined, cancelRequestedAt }),
    counts: completion ? countsAtTheEnd(view, completion) : countsNow(view, statuses),
    cost: formatMoney(completion?.cost ?? statuses.reduce((sum, { cost }) => sum + cost, 0n)),
    created_at: createdAt,
    cancel_requested_at: cancelRequestedAt ?? null,
    completed_at: completion?.at ?? null,
    links: { self: `/v1/batches/${id}`, executions: `/v1/executions?batch_id=${id}` },
  };
}

export function batchStatusOf(batch: {
  readonly isOver: boolean;
  readonly cancelRequestedAt: Timestamp | undefined;
}): BatchStatus {
  if (batch.isOver) return batch.cancelRequestedAt ? 'CANCELLED' : 'COMPLETED';
  return batch.cancelRequestedAt ? 'CANCELLING' : 'PROCESSING';
}

function countsAtTheEnd(
  { executionIds }: BatchView,
  { completed, failed, cancelled, expired, rejected }: BatchCompleted['data'],
): BatchCounts {
  const total = executionIds.length + rejected;
  const over = { completed, failed, cancelled, expired, rejected };
  return { total, pending: 0, processing: 0, ...over };
}

function countsNow(
  { executionIds, rejected }: BatchView,
  statuses: readonly StatusCount[],
): BatchCounts {
  const of = (...wanted: PublicStatus[]) =>
    statuses.reduce((sum, { status, count }) => sum + (wanted.includes(status) ? count : 0), 0);
  const begun = {
    processing: of('PROCESSING', 'AWAITING_WEBHOOK'),
    completed: of('COMPLETED'),
    failed: of('FAILED'),
    cancelled: of('CANCELLED'),
    expired: of('EXPIRED'),
  };
  const pending = executionIds.length - Object.values(begun).reduce((sum, one) => sum + one, 0);
  return { total: executionIds.length + rejected, pending, ...begun, rejected };
}
