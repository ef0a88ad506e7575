/** What a server is at the moment, and why it does not take what it is asked. */
import { notLeader, serverNotReady, type Refusal } from './statuses.js';

export interface NodeState {
  /**
   * Ending: it was told to end, and still has connections. Electing: it knows of no leader.
   * Deposed: it leads no more and does not know it yet, as a leader that was frozen for long.
   */
  role: 'leader' | 'follower' | 'electing' | 'deposed' | 'ending';
  /** Where a follower's leader is. */
  leaderPort?: number;
  /** False while a follower's leader is gone and nobody has noticed it. */
  isLeaderThere?: boolean;
}

export interface Asked {
  readonly isWrite: boolean;
  /** The caller wants its answer from the leader alone (header `requires-leader`). */
  readonly needsLeader: boolean;
}

export const startingState = (): NodeState => ({ role: 'leader' });

export function refusalOf(node: NodeState, { isWrite, needsLeader }: Asked): Refusal | undefined {
  const { role, leaderPort } = node;
  if (role === 'ending') return serverNotReady();
  if (role === 'electing' && (isWrite || needsLeader)) return serverNotReady();
  if (role === 'follower' && needsLeader && leaderPort !== undefined)
    return notLeader('127.0.0.1', leaderPort);
  return undefined;
}

/** Whether what is written through this node goes nowhere: it is given up in the end. */
export const losesWrites = ({ role, isLeaderThere = true }: NodeState): boolean =>
  role === 'deposed' || (role === 'follower' && !isLeaderThere);
