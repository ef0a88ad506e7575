/**
 * Operators beside the one of `MODELROUTE_ADMIN_KEY`: their keys, all in one stream, since they are
 * few and every request of an operator looks there.
 */
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { OperatorsEvent } from '../../contracts/events/operators.js';
import type { OperatorKeyId } from '../../contracts/ids.js';
import { accept, alreadyDone, reject, type Decision } from '../decider.js';

export const category = 'operators' as const;

export const KEYS_MAX = 50;

export type Event = OperatorsEvent;

type Created = Extract<Event, { type: 'OperatorKeyCreated' }>['data'];

export type Command =
  | { type: 'CreateKey'; data: Created }
  | { type: 'RevokeKey'; keyId: OperatorKeyId; at: Timestamp };

export type Rejection = 'TooManyOperatorKeys' | 'OperatorKeyUnknown';

/** Keys that are not revoked, oldest first; and the ids of those that are. */
export interface State {
  readonly keys: readonly Created[];
  readonly revoked: ReadonlySet<OperatorKeyId>;
}

export const initial = (): State => ({ keys: [], revoked: new Set() });

export function evolve({ keys, revoked }: State, { type, data }: Event): State {
  if (type === 'OperatorKeyCreated') return { keys: [...keys, data], revoked };
  return {
    keys: keys.filter(({ keyId }) => keyId !== data.keyId),
    revoked: new Set([...revoked, data.keyId]),
  };
}

export function decide({ keys, revoked }: State, command: Command): Decision<Event, Rejection> {
  if (command.type === 'CreateKey') {
    if (keys.length >= KEYS_MAX) return reject('TooManyOperatorKeys');
    return accept({ type: 'OperatorKeyCreated', data: command.data });
  }
  const { keyId, at } = command;
  if (revoked.has(keyId)) return alreadyDone;
  if (!keys.some((key) => key.keyId === keyId)) return reject('OperatorKeyUnknown');
  return accept({ type: 'OperatorKeyRevoked', data: { keyId, at } });
}
