/**
 * Batches. I1: a batch is completed once all of its executions are over, not before, and its counts
 * are of them; a drained system leaves none open whose executions have all ended.
 */
import type { BatchEvent } from '../../contracts/events/batch.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { BatchId, ExecutionId } from '../../contracts/ids.js';
import type { OpenItems } from '../open-items.js';

export function auditBatchEvent(open: OpenItems, event: RecordedEvent<BatchEvent>): void {
  const { batches, findings } = open;
  const { stream, data, type } = event;
  const { batchId } = data;
  if (stream !== `batch-${batchId}`) findings.add('I1', stream, `${type} is about ${batchId}`);
  const known = batches.get(batchId) ?? { executionIds: [], isOver: false };
  switch (type) {
    case 'BatchSubmitted':
    case 'BatchExtended':
      batches.set(batchId, {
        executionIds: [...known.executionIds, ...data.executionIds],
        isOver: false,
      });
      return;
    case 'BatchCancelRequested':
      return;
    case 'BatchCompleted': {
      const { completed, failed, cancelled, expired } = data;
      const counted = completed + failed + cancelled + expired;
      const { length } = known.executionIds;
      if (counted !== length)
        findings.add('I1', stream, `it counts ${counted} ends of ${length} executions`);
      if (known.isOver) findings.add('I1', stream, 'it was completed twice');
      for (const id of runningOf(open, batchId))
        findings.add('I1', stream, `it was completed while ${id} was not over`);
      batches.set(batchId, { ...known, isOver: true });
    }
  }
}

/** Ended items are dropped, so an execution that is not among the open ones is over. */
export const runningOf = (
  { batches, executions }: OpenItems,
  batchId: BatchId,
): readonly ExecutionId[] =>
  (batches.get(batchId)?.executionIds ?? []).filter((id) => {
    const execution = executions.get(id);
    return execution?.request !== undefined && !execution.end;
  });
