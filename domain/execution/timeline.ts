/**
 * The public timeline of an execution: what its owner may know happened, numbered from 1 without a
 * gap. Attempts and providers stay inside; a second dispatch is no second start. Webhooks carry the
 * same numbers.
 */
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { ExecutionEvent, ExecutionRequested } from '../../contracts/events/execution.js';
import type { PublicStatus } from './view.js';

export type TimelineType =
  | 'execution.accepted'
  | 'execution.started'
  | 'execution.completed'
  | 'execution.failed'
  | 'execution.cancelled'
  | 'execution.expired';

export interface TimelineEntry {
  readonly sequence: number;
  readonly type: TimelineType;
  readonly status: PublicStatus;
  readonly at: Timestamp;
  /** Of a completion, where other models could stand in. */
  readonly model_used?: string;
  /** Revision of the event in its stream, by which a webhook's body is rebuilt. */
  readonly revision: number;
}

type Recorded = {
  readonly type: ExecutionEvent['type'];
  readonly data: ExecutionEvent['data'];
  readonly revision: number;
};

export function timelineOf(events: readonly Recorded[]): readonly TimelineEntry[] {
  const timeline: TimelineEntry[] = [];
  const used = modelUsedIn(events);
  for (const { type, data, revision } of events) {
    const shown = publicMeaning[type];
    if (!shown) continue;
    const [entryType, status] = shown;
    if (timeline.some((entry) => entry.type === entryType)) continue;
    const sequence = timeline.length + 1;
    const entry = { sequence, type: entryType, status, at: data.at, revision };
    timeline.push(type === 'ExecutionCompleted' ? { ...entry, ...used } : entry);
  }
  return timeline;
}

/** The one of the newest attempt. */
function modelUsedIn(events: readonly Recorded[]): Pick<TimelineEntry, 'model_used'> {
  let asked: ExecutionRequested['data'] | undefined;
  let used: string | undefined;
  for (const { type, data } of events as readonly ExecutionEvent[]) {
    if (type === 'ExecutionRequested') asked = data;
    if (type === 'ProviderDispatched') used = data.model;
  }
  return asked?.fallbackModels ? { model_used: used ?? asked.model } : {};
}

/** Undefined for what happens inside. */
export const timelineTypeOf = (type: ExecutionEvent['type']): TimelineType | undefined =>
  publicMeaning[type]?.[0];

const publicMeaning: Partial<Record<ExecutionEvent['type'], [TimelineType, PublicStatus]>> = {
  ExecutionRequested: ['execution.accepted', 'PENDING'],
  ProviderDispatched: ['execution.started', 'PROCESSING'],
  ExecutionCompleted: ['execution.completed', 'COMPLETED'],
  ExecutionFailed: ['execution.failed', 'FAILED'],
  ExecutionCancelled: ['execution.cancelled', 'CANCELLED'],
  ExecutionExpired: ['execution.expired', 'EXPIRED'],
};
