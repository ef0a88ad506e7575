/** What a server is at the moment, and why it does not take what it is asked. */
import { serverNotReady, type Refusal } from './statuses.js';

export interface NodeState {
  /** Ending: it was told to end, and still has connections. */
  role: 'leader' | 'ending';
}

export const startingState = (): NodeState => ({ role: 'leader' });

export const refusalOf = ({ role }: NodeState): Refusal | undefined =>
  role === 'ending' ? serverNotReady() : undefined;
