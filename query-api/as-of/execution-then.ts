/** An execution as it was: its events before the cut, and whether its contents were there. */
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import type { PayloadsErased } from '../../contracts/events/erasure.js';
import type { ExecutionEvent } from '../../contracts/events/execution.js';
import type { ExecutionId } from '../../contracts/ids.js';
import { streamOf } from '../../contracts/streams.js';
import {
  erasedView,
  foldExecution,
  isOver,
  type ExecutionView,
} from '../../domain/execution/view.js';
import type { EventStore } from '../../infra/event-store/port.js';
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
  if (!view) return undefined;
  const revision = facts.at(-1)?.revision ?? 0;
  return { view: await contentsThen(store, id, cut, view), facts, revision };
}

/** Only of what is over contents are erased. */
async function contentsThen(
  store: Pick<EventStore, 'readStream'>,
  id: ExecutionId,
  cut: Cut,
  view: ExecutionView,
): Promise<ExecutionView> {
  if (!isOver(view.body.status)) return view;
  const all = await store.readStream(streamOf('erasure', id), { limit: 1 });
  const [erased] = before(cut, all as readonly RecordedEvent<PayloadsErased>[]);
  return erased ? erasedView(view, erased.data.at) : view;
}
