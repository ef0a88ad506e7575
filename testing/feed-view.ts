/** What somebody knows who follows the feed of an organization and nothing else. */
import type { Balance } from './client.js';

export interface FedEvent {
  readonly specversion: string;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: string;
  readonly sequence: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface FeedView {
  /** Of the last event. */
  sequence: number;
  balance: Balance | undefined;
  /** By id, with the fields of `GET /v1/executions/{id}` that the feed has. */
  readonly executions: Map<string, Readonly<Record<string, unknown>>>;
}

export const nothingFed = (): FeedView => ({
  sequence: 0,
  balance: undefined,
  executions: new Map(),
});

/** Throws for a gap, a repeat or a change of order. */
export function feedOn(view: FeedView, events: readonly FedEvent[]): void {
  for (const { sequence, type, subject, data } of events) {
    if (Number(sequence) !== view.sequence + 1)
      throw new Error(`${sequence} (${type}) came after ${view.sequence}`);
    view.sequence += 1;
    if ('balance' in data) view.balance = data['balance'] as Balance;
    if (type.startsWith('execution.') && type !== 'execution.abandoned')
      view.executions.set(subject, { ...view.executions.get(subject), ...data });
  }
}
