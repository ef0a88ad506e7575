/**
 * One API key: created once, changed and rotated, perhaps revoked. Its stream is named by the hash
 * of its first secret. Each later secret has a stream by its own hash, which only says whose it is.
 */
import type { ApiKeyEvent, KeyLimits, Permission } from '../../contracts/events/api-key.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type { RequestRate } from '../../contracts/events/organization.js';
import type { ApiKeyId, OrganizationId } from '../../contracts/ids.js';
import { accept, alreadyDone, reject, type Decision, type Of } from '../decider.js';

export const category = 'apiKey' as const;

export type Event = ApiKeyEvent;

type Created = Extract<Event, { type: 'ApiKeyCreated' }>['data'];

export type Command =
  | { type: 'Create'; data: Created }
  | {
      type: 'Change';
      organizationId: OrganizationId;
      name: string;
      limits: KeyLimits;
      at: Timestamp;
    }
  | { type: 'Rotate'; organizationId: OrganizationId; hash: string; hint: string; at: Timestamp }
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

export type Rejection = 'KeyExists' | 'KeyUnknown' | 'KeyExpired' | 'RotatedTooOften';

export interface Key {
  readonly organizationId: OrganizationId;
  readonly keyId: ApiKeyId;
  readonly name: string;
  readonly permission: Permission;
  readonly limits: KeyLimits;
  readonly createdAt: Timestamp;
  /** What opens it, the newest last. */
  readonly secrets: readonly Secret[];
}

export interface Secret {
  readonly hash: string;
  readonly hint: string;
  /** Absent from the newest. */
  readonly validUntil?: Timestamp;
}

export type State =
  | { readonly status: 'none' }
  /** The stream of a later secret of that key. */
  | { readonly status: 'secret'; readonly keyId: ApiKeyId }
  | {
      readonly status: 'active';
      readonly key: Key;
      /** What is its own of it. */
      readonly requestRate: Partial<RequestRate>;
    }
  | { readonly status: 'revoked'; readonly key: Key };

/** How long the secret before opens a key that was rotated. */
export const ROTATION_MS = 3_600_000;
/** Secrets that may open a key at a time. */
export const SECRETS_MAX = 10;

export const initial = (): State => ({ status: 'none' });

export function evolve(state: State, event: Event): State {
  switch (event.type) {
    case 'ApiKeyCreated':
      return { status: 'active', key: createdKey(event.data), requestRate: {} };
    case 'ApiKeySecretAdded':
      return { status: 'secret', keyId: event.data.keyId };
    case 'ApiKeyRevoked':
      return state.status === 'active' ? { status: 'revoked', key: state.key } : state;
    case 'ApiKeyRequestRateSet':
      return withRequestRate(state, event.data);
    case 'ApiKeyChanged':
    case 'ApiKeyRotated':
      return state.status === 'active' ? { ...state, key: changedKey(state.key, event) } : state;
  }
}

function createdKey(data: Created): Key {
  const { organizationId, keyId, name, permission, hash, hint, at, ...limits } = data;
  const secrets = [{ hash, hint }];
  return { organizationId, keyId, name, permission, limits, createdAt: at, secrets };
}

function changedKey(
  key: Key,
  { type, data }: Extract<Event, { type: 'ApiKeyChanged' | 'ApiKeyRotated' }>,
): Key {
  if (type === 'ApiKeyRotated') {
    const { hash, hint, previousValidUntil: validUntil, at } = data;
    const before = livingSecrets(key, at).map((secret) => ({ validUntil, ...secret }));
    return { ...key, secrets: [...before, { hash, hint }] };
  }
  const { organizationId: _, keyId: __, at: ___, name, ...limits } = data;
  return { ...key, name, limits };
}

/** Those that open the key at that moment. */
export const livingSecrets = ({ secrets }: Key, at: Timestamp): readonly Secret[] =>
  secrets.filter(({ validUntil }) => validUntil === undefined || validUntil > at);

/** Whether it is refused for its age at that moment. */
export const isExpired = ({ limits: { expiresAt } }: Key, at: Timestamp): boolean =>
  expiresAt !== undefined && expiresAt <= at;

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  switch (state.status) {
    case 'none':
      if (command.type !== 'Create') return reject('KeyUnknown');
      return accept({ type: 'ApiKeyCreated', data: command.data });
    case 'secret':
      return reject(command.type === 'Create' ? 'KeyExists' : 'KeyUnknown');
    case 'active':
      return whileActive(command, state);
    case 'revoked':
      return onceRevoked(command, state.key);
  }
}

type Active = Extract<State, { status: 'active' }>;

function whileActive(command: Command, state: Active): Decision<Event, Rejection> {
  const { key } = state;
  if (command.type === 'Create') return reject('KeyExists');
  if (command.organizationId !== key.organizationId) return reject('KeyUnknown');
  switch (command.type) {
    case 'Change':
      return change(command, key);
    case 'Rotate':
      return rotate(command, key);
    case 'SetRequestRate':
      return setRequestRate(command, state);
    case 'Revoke': {
      const { organizationId, keyId, at } = command;
      return accept({ type: 'ApiKeyRevoked', data: { organizationId, keyId, at } });
    }
  }
}

function onceRevoked(command: Command, key: Key): Decision<Event, Rejection> {
  if (command.type === 'Create') return reject('KeyExists');
  const isOwn = command.organizationId === key.organizationId;
  return isOwn && command.type === 'Revoke' ? alreadyDone : reject('KeyUnknown');
}

function change({ name, limits, at }: Of<Command, 'Change'>, key: Key) {
  if (name === key.name && isSame(limits, key.limits)) return alreadyDone;
  const { organizationId, keyId } = key;
  const data = { organizationId, keyId, name, ...limits, at };
  return accept<Event>({ type: 'ApiKeyChanged', data });
}

/**
 * A secret that was replaced lives for an hour, whatever is rotated after it: a caller whose answer
 * was lost rotates again with the secret that it has.
 */
function rotate({ hash, hint, at }: Of<Command, 'Rotate'>, key: Key) {
  if (isExpired(key, at)) return reject('KeyExpired');
  if (livingSecrets(key, at).length >= SECRETS_MAX) return reject('RotatedTooOften');
  const { organizationId, keyId } = key;
  const previousValidUntil = new Date(Date.parse(at) + ROTATION_MS).toISOString();
  const data = { organizationId, keyId, hash, hint, previousValidUntil, at };
  return accept<Event>({ type: 'ApiKeyRotated', data });
}

/** In whatever order their fields stand. */
function isSame(one: KeyLimits, other: KeyLimits): boolean {
  const text = ({ expiresAt, ipAllowList, allowedModels, require }: KeyLimits) =>
    JSON.stringify([
      expiresAt,
      ipAllowList,
      allowedModels,
      require && [require.region, require.retention, require.training],
    ]);
  return text(one) === text(other);
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
