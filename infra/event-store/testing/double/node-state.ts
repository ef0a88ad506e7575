/** What a server is at the moment, and why it does not take what it is asked. */
import type { Knobs } from './behaviour.js';
import { notLeader, serverNotReady, type Refusal } from './statuses.js';

export interface NodeState {
  /** It was told to end, and still has connections. */
  isEnding: boolean;
  /** Of the leader, where it is another node; 0 while there is none. */
  readonly followed: number | undefined;
}

export const startingState = (knobs: Knobs, port: () => number): NodeState => ({
  isEnding: false,
  get followed() {
    const { ports, leader } = knobs.now.cluster;
    return ports.length === 0 || leader === port() ? undefined : leader;
  },
});

export function refusalOf({ isEnding, followed }: NodeState): Refusal | undefined {
  if (isEnding || followed === 0) return serverNotReady();
  return followed === undefined ? undefined : notLeader('127.0.0.1', followed);
}
