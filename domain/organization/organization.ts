/** An organization, its quotas, and its places for API keys, of which it has a bounded number. */
import type { Promises } from '../../contracts/catalogue/capabilities.js';
import type { Timestamp } from '../../contracts/events/envelope.js';
import type {
  OrganizationEvent,
  Quotas,
  RequestRate,
} from '../../contracts/events/organization.js';
import type { ApiKeyId, OrganizationId } from '../../contracts/ids.js';
import { accept, alreadyDone, reject, type Decision, type Of } from '../decider.js';

export const category = 'organization';

export type Event = OrganizationEvent;

export type Command =
  | { type: 'Create'; organizationId: OrganizationId; name: string; at: Timestamp }
  | { type: 'GrantKey'; keyId: ApiKeyId; at: Timestamp }
  | { type: 'WithdrawKey'; keyId: ApiKeyId; at: Timestamp }
  | { type: 'SetQuotas'; changes: QuotaChanges; at: Timestamp }
  /** Absent: nothing is required. */
  | { type: 'SetRequirements'; require?: Promises; at: Timestamp }
  | { type: 'Erase'; at: Timestamp };

/** Null: as everybody's from now on. What is absent stays as it is. */
export type QuotaChanges = { readonly [Q in keyof Allowances]?: number | null };

export type Allowances = Quotas & RequestRate;

export type Rejection =
  | 'OrganizationExists'
  | 'OrganizationUnknown'
  | 'OrganizationIsErased'
  | 'TooManyKeys';

export type State =
  | { readonly status: 'none' }
  | {
      readonly status: 'created';
      readonly organizationId: OrganizationId;
      readonly name: string;
      readonly keys: readonly ApiKeyId[];
      /** Those that an operator set. */
      readonly quotas: Partial<Allowances>;
      /** Of each execution. */
      readonly require?: Promises;
      readonly erasedAt?: Timestamp;
    };

type Created = Extract<State, { status: 'created' }>;

export const KEYS_MAX = 20;

export const initial = (): State => ({ status: 'none' });

export function evolve(state: State, { type, data }: Event): State {
  if (type === 'OrganizationCreated')
    return {
      status: 'created',
      organizationId: data.organizationId,
      name: data.name,
      keys: [],
      quotas: {},
    };
  if (state.status === 'none') return state;
  if (type === 'OrganizationQuotasSet') {
    const { organizationId: _, at: __, ...quotas } = data;
    return { ...state, quotas };
  }
  if (type === 'OrganizationRequirementsSet') return withRequirements(state, data.require);
  if (type === 'OrganizationErased') return { ...state, erasedAt: data.at };
  const others = state.keys.filter((key) => key !== data.keyId);
  return { ...state, keys: type === 'ApiKeyGranted' ? [...others, data.keyId] : others };
}

function withRequirements({ require: _, ...state }: Created, require?: Promises): State {
  return require ? { ...state, require } : state;
}

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  switch (state.status) {
    case 'none':
      return whileNone(command);
    case 'created':
      return state.erasedAt ? onceErased(command, state) : whileCreated(command, state);
  }
}

function whileNone(command: Command): Decision<Event, Rejection> {
  if (command.type !== 'Create') return reject('OrganizationUnknown');
  const { type: _, ...data } = command;
  return accept({ type: 'OrganizationCreated', data });
}

function whileCreated(command: Command, state: Created): Decision<Event, Rejection> {
  switch (command.type) {
    case 'Create':
      return command.name === state.name ? alreadyDone : reject('OrganizationExists');
    case 'GrantKey':
      return grantKey(command, state);
    case 'WithdrawKey':
      return withdrawKey(command, state);
    case 'SetQuotas':
      return setQuotas(command, state);
    case 'SetRequirements':
      return setRequirements(command, state);
    case 'Erase':
      return erase(command, state);
  }
}

/** Its keys are withdrawn, and nothing else happens to it. */
function onceErased(command: Command, state: Created): Decision<Event, Rejection> {
  switch (command.type) {
    case 'WithdrawKey':
      return withdrawKey(command, state);
    case 'Erase':
      return alreadyDone;
    case 'Create':
    case 'GrantKey':
    case 'SetQuotas':
    case 'SetRequirements':
      return reject('OrganizationIsErased');
  }
}

const erase = ({ at }: Of<Command, 'Erase'>, { organizationId }: Created) =>
  accept<Event>({ type: 'OrganizationErased', data: { organizationId, at } });

function grantKey({ keyId, at }: Of<Command, 'GrantKey'>, { keys, organizationId }: Created) {
  if (keys.includes(keyId)) return alreadyDone;
  if (keys.length >= KEYS_MAX) return reject('TooManyKeys');
  return accept<Event>({ type: 'ApiKeyGranted', data: { organizationId, keyId, at } });
}

function withdrawKey({ keyId, at }: Of<Command, 'WithdrawKey'>, state: Created) {
  if (!state.keys.includes(keyId)) return alreadyDone;
  const { organizationId } = state;
  return accept<Event>({ type: 'ApiKeyWithdrawn', data: { organizationId, keyId, at } });
}

function setQuotas({ changes, at }: Of<Command, 'SetQuotas'>, state: Created) {
  const { organizationId, quotas } = state;
  const next = Object.fromEntries(
    QUOTAS.map((name) => [name, changes[name] === undefined ? quotas[name] : changes[name]]).filter(
      ([, value]) => typeof value === 'number',
    ),
  ) as Partial<Allowances>;
  if (QUOTAS.every((name) => next[name] === quotas[name])) return alreadyDone;
  return accept<Event>({ type: 'OrganizationQuotasSet', data: { organizationId, ...next, at } });
}

function setRequirements({ require, at }: Of<Command, 'SetRequirements'>, state: Created) {
  const fields = ({ region, retention, training }: Promises = {}) => [region, retention, training];
  if (`${fields(require)}` === `${fields(state.require)}`) return alreadyDone;
  const { organizationId } = state;
  return accept<Event>({
    type: 'OrganizationRequirementsSet',
    data: { organizationId, ...(require && { require }), at },
  });
}

const QUOTAS = [
  'waitingExecutions',
  'storageBytes',
  'weight',
  'fileTtlDays',
  'payloadTtlDays',
  'requestsPerMinute',
  'requestBurst',
] as const;
