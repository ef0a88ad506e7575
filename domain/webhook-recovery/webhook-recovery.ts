/**
 * Recoveries of one endpoint: what it missed is sent to it again, one recovery at a time.
 *
 *   idle ──► running ──► idle
 *
 * One that is asked for as far back as the one that runs is that one. One that runs for an hour may
 * have been given up, so another may take its place.
 */
import type { Timestamp } from '../../contracts/events/envelope.js';
import type {
  RecoveryRequested,
  WebhookRecoveryEvent,
} from '../../contracts/events/webhook-recovery.js';
import { accept, alreadyDone, reject, type Decision } from '../decider.js';

export const category = 'webhookRecovery';

export type Event = WebhookRecoveryEvent;

export type Command =
  | { type: 'Request'; data: RecoveryRequested['data'] }
  | { type: 'Finish'; recoveryId: string; redelivered: number; at: Timestamp };

export type Rejection = 'RecoveryUnderWay';

export type State =
  | { readonly status: 'idle' }
  | { readonly status: 'running'; readonly recovery: RecoveryRequested['data'] };

const GIVEN_UP_MS = 3_600_000;

export const initial = (): State => ({ status: 'idle' });

export function evolve(state: State, { type, data }: Event): State {
  if (type === 'RecoveryRequested') return { status: 'running', recovery: data };
  const isThis = state.status === 'running' && state.recovery.recoveryId === data.recoveryId;
  return isThis ? { status: 'idle' } : state;
}

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  switch (command.type) {
    case 'Request':
      return request(state, command.data);
    case 'Finish': {
      const { recoveryId, redelivered, at } = command;
      if (state.status === 'idle' || state.recovery.recoveryId !== recoveryId) return alreadyDone;
      const { endpointId, organizationId } = state.recovery;
      const data = { endpointId, organizationId, recoveryId, redelivered, at };
      return accept({ type: 'RecoveryFinished', data });
    }
  }
}

function request(state: State, data: RecoveryRequested['data']): Decision<Event, Rejection> {
  if (state.status === 'running') {
    const { since, at } = state.recovery;
    if (Date.parse(data.at) < Date.parse(at) + GIVEN_UP_MS)
      return since <= data.since ? alreadyDone : reject('RecoveryUnderWay');
  }
  return accept({ type: 'RecoveryRequested', data });
}
