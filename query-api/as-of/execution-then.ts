/** An execution as it was: its events before the cut. */
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import type { ExecutionId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import { foldExecution, type ExecutionView } from '../../domain/execution/view.js';
import type { QueryInfra } from '../query-infra.js';
import { before, type Cut } from './cut.js';

interface ExecutionThen {
  readonly view: ExecutionView;
  /** The events that it follows from. */
  readonly facts: readonly RecordedEvent<ExecutionEvent>[];
  /** Of the last of them. */
  readonly revision: number;
}

/** Undefined before it was accepted. */
export async function executionThen(
  { store }: Pick<QueryInfra, 'store'>,
  id: ExecutionId,
  cut: Cut,
): Promise<ExecutionThen | undefined> {
  const all = await store.readStream(streamOf('execution', id));
  const facts = before(cut, all as readonly RecordedEvent<ExecutionEvent>[]);
  let view: ExecutionView | undefined;
  for (const fact of facts) view = foldExecution(view, fact);
  return view && { view, facts, revision: facts.at(-1)?.revision ?? 0 };
}
