/**
 * What reached us about one attempt beside the story of its execution.
 *
 *   ReceiveCallback ──► ProviderCallbackReceived   (a body that was received before is none)
 *   RecordLate ──► ProviderAnsweredLate            (once)
 */
import type {
  AttemptEvent,
  ProviderAnsweredLate,
  ProviderCallbackReceived,
} from '../../contracts/events/attempt.js';
import { accept, alreadyDone, reject, type Decision } from '../decider.js';

export const category = 'attempt';

export type Event = AttemptEvent;

export type Command =
  | { type: 'ReceiveCallback'; data: ProviderCallbackReceived['data'] }
  | { type: 'RecordLate'; data: ProviderAnsweredLate['data'] };

export type Rejection = 'TooManyCallbacks';

export interface State {
  /** Digests of the bodies that were received. */
  readonly callbacks: readonly string[];
  readonly isLate: boolean;
}

/** A provider tells the start, some progress and the end of a job; what exceeds this is noise. */
export const CALLBACKS_MAX = 32;

export const initial = (): State => ({ callbacks: [], isLate: false });

export function evolve(state: State, { type, data }: Event): State {
  switch (type) {
    case 'ProviderCallbackReceived':
      return { ...state, callbacks: [...state.callbacks, data.bodySha256] };
    case 'ProviderAnsweredLate':
      return { ...state, isLate: true };
  }
}

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  switch (command.type) {
    case 'ReceiveCallback':
      if (state.callbacks.includes(command.data.bodySha256)) return alreadyDone;
      if (state.callbacks.length >= CALLBACKS_MAX) return reject('TooManyCallbacks');
      return accept({ type: 'ProviderCallbackReceived', data: command.data });
    case 'RecordLate':
      if (state.isLate) return alreadyDone;
      return accept({ type: 'ProviderAnsweredLate', data: command.data });
  }
}

/** The stream's id: a callback names both, and a dispatch key may serve two attempts. */
export const attemptIdOf = (executionId: string, attempt: number): string =>
  `${executionId}.${attempt}`;
