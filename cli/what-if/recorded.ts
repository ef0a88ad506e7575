/** The completed executions of a range, from the log: memory grows with those that are not over. */
import type { AnyEvent } from '../../contracts/events/all.js';
import type { RecordedEvent } from '../../contracts/events/envelope.js';
import { START, type EventStore } from '../../infra/event-store/port.js';
import type { Recorded } from './proposal.js';

interface Range {
  readonly fromMs: number;
  /** Not in the range itself. */
  readonly toMs: number;
}

type Open = Pick<Recorded, 'request'> & Partial<Pick<Recorded, 'first' | 'last'>>;

const PAGE = 5_000;

const types = [
  'ExecutionRequested',
  'ProviderDispatched',
  'ExecutionCompleted',
  'ExecutionFailed',
  'ExecutionCancelled',
  'ExecutionExpired',
] as const;

/** By the moment of their acceptance. */
export async function* completedIn(
  store: EventStore,
  { fromMs, toMs }: Range,
  signal: AbortSignal,
): AsyncGenerator<Recorded> {
  const open = new Map<string, Open>();
  for (let at = START; !signal.aborted;) {
    const { events, position, caughtUp } = await store.readAll(at, PAGE, { types });
    for (const event of events) {
      const recorded = take(open, event, (atMs) => atMs >= fromMs && atMs < toMs);
      if (recorded) yield recorded;
    }
    if (caughtUp || position <= at) return;
    at = position;
  }
}

/** What an event completes. */
function take(
  open: Map<string, Open>,
  { type, data, stream }: RecordedEvent<AnyEvent>,
  isIn: (atMs: number) => boolean,
): Recorded | undefined {
  if (type === 'ExecutionRequested') {
    if (isIn(Date.parse(data.at))) open.set(stream, { request: data });
    return undefined;
  }
  const known = open.get(stream);
  if (!known) return undefined;
  if (type === 'ProviderDispatched') {
    open.set(stream, { ...known, first: known.first ?? data, last: data });
    return undefined;
  }
  open.delete(stream);
  const { request, first, last } = known;
  if (type !== 'ExecutionCompleted' || !first || !last) return undefined;
  return { request, first, last, completed: data };
}
