/** One API key: created once, perhaps revoked. Its stream is named by the key's own hash. */
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { ApiKeyEvent } from '../../contracts/events/api-key.js';
import type { ApiKeyId, OrganizationId } from '../../contracts/ids.js';
import { accept, alreadyDone, reject, type Decision } from '../decider.js';

export const category = 'apiKey' as const;

export type Event = ApiKeyEvent;

type Created = Extract<Event, { type: 'ApiKeyCreated' }>['data'];

export type Command =
  | { type: 'Create'; data: Created }
  | { type: 'Revoke'; organizationId: OrganizationId; keyId: ApiKeyId; at: Timestamp };

export type Rejection = 'KeyExists' | 'KeyUnknown';

export type State =
  | { readonly status: 'none' }
  | { readonly status: 'active'; readonly key: Created }
  | { readonly status: 'revoked'; readonly key: Created };

export const initial = (): State => ({ status: 'none' });

export function evolve(state: State, { type, data }: Event): State {
  if (type === 'ApiKeyCreated') return { status: 'active', key: data };
  return state.status === 'active' ? { status: 'revoked', key: state.key } : state;
}

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  switch (state.status) {
    case 'none':
      if (command.type === 'Revoke') return reject('KeyUnknown');
      return accept({ type: 'ApiKeyCreated', data: command.data });
    case 'active':
      return whileActive(command, state.key);
    case 'revoked':
      return command.type === 'Revoke' ? alreadyDone : reject('KeyExists');
  }
}

function whileActive(command: Command, key: Created): Decision<Event, Rejection> {
  if (command.type === 'Create') return reject('KeyExists');
  if (command.organizationId !== key.organizationId) return reject('KeyUnknown');
  const { organizationId, keyId, at } = command;
  return accept({ type: 'ApiKeyRevoked', data: { organizationId, keyId, at } });
}
