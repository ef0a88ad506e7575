/** An execution as its owner sees it, from its stream alone. */
import type { ExecutionEvent } from '../contracts/events/execution.js';
import type { ExecutionId } from '../contracts/ids.js';
import { streamOf } from '../contracts/streams.js';
import { foldExecution, type ExecutionView } from '../domain/execution/view.js';
import type { EventStore } from '../infra/event-store/port.js';
import { readEvents } from './streams.js';

/** Undefined before the request. */
export async function executionView(
  store: EventStore,
  id: ExecutionId,
): Promise<ExecutionView | undefined> {
  const events = await readEvents<ExecutionEvent>(store, streamOf('execution', id));
  return events.reduce<ExecutionView | undefined>(foldExecution, undefined);
}
