/** One API key: created once, perhaps revoked. Its stream is named by the key's own hash. */
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { ApiKeyEvent } from '../../contracts/events/api-key.js';
import type { RequestRate } from '../../contracts/events/organization.js';
import type { ApiKeyId, OrganizationId } from '../../contracts/ids.js';
import { accept, alreadyDone, reject, type Decision, type Of } from '../decider.js';

export const category = 'apiKey' as const;

export type Event = ApiKeyEvent;

type Created = Extract<Event, { type: 'ApiKeyCreated' }>['data'];

export type Command =
  | { type: 'Create'; data: Created }
  | { type: 'Revoke'; organizationId: OrganizationId; keyId: ApiKeyId; at: Timestamp }
  | {
      type: 'SetRequestRate';
      organizationId: OrganizationId;
      keyId: ApiKeyId;
      changes: RequestRateChanges;
      at: Timestamp;
    };

/** Null: as its organization's from now on. What is absent stays as it is. */
export type RequestRateChanges = { readonly [R in keyof RequestRate]?: number | null };

export type Rejection = 'KeyExists' | 'KeyUnknown';

export type State =
  | { readonly status: 'none' }
  | {
      readonly status: 'active';
      readonly key: Created;
      /** What is its own of it. */
      readonly requestRate: Partial<RequestRate>;
    }
  | { readonly status: 'revoked'; readonly key: Created };

export const initial = (): State => ({ status: 'none' });

export function evolve(state: State, { type, data }: Event): State {
  if (type === 'ApiKeyCreated') return { status: 'active', key: data, requestRate: {} };
  if (type === 'ApiKeyRequestRateSet') return withRequestRate(state, data);
  return state.status === 'active' ? { status: 'revoked', key: state.key } : state;
}

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  switch (state.status) {
    case 'none':
      if (command.type !== 'Create') return reject('KeyUnknown');
      return accept({ type: 'ApiKeyCreated', data: command.data });
    case 'active':
      return whileActive(command, state);
    case 'revoked':
      if (command.type === 'SetRequestRate') return reject('KeyUnknown');
      return command.type === 'Revoke' ? alreadyDone : reject('KeyExists');
  }
}

type Active = Extract<State, { status: 'active' }>;

function whileActive(command: Command, state: Active): Decision<Event, Rejection> {
  const { key } = state;
  if (command.type === 'Create') return reject('KeyExists');
  if (command.organizationId !== key.organizationId) return reject('KeyUnknown');
  if (command.type === 'SetRequestRate') return setRequestRate(command, state);
  const { organizationId, keyId, at } = command;
  return accept({ type: 'ApiKeyRevoked', data: { organizationId, keyId, at } });
}

function setRequestRate(
  { organizationId, keyId, changes, at }: Of<Command, 'SetRequestRate'>,
  { requestRate }: Active,
): Decision<Event, Rejection> {
  const next = changed(requestRate, changes);
  if (RATES.every((name) => next[name] === requestRate[name])) return alreadyDone;
  const data = { organizationId, keyId, ...next, at };
  return accept({ type: 'ApiKeyRequestRateSet', data });
}

function changed(rate: Partial<RequestRate>, changes: RequestRateChanges): Partial<RequestRate> {
  const next = RATES.map((name) => [
    name,
    changes[name] === undefined ? rate[name] : changes[name],
  ]);
  const set = next.filter(([, value]) => typeof value === 'number');
  return Object.fromEntries(set) as Partial<RequestRate>;
}

function withRequestRate(
  state: State,
  { requestsPerMinute, requestBurst }: Partial<RequestRate>,
): State {
  if (state.status !== 'active') return state;
  const requestRate = {
    ...(requestsPerMinute !== undefined && { requestsPerMinute }),
    ...(requestBurst !== undefined && { requestBurst }),
  };
  return { ...state, requestRate };
}

const RATES = ['requestsPerMinute', 'requestBurst'] as const;
