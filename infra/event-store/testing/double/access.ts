/**
 * Who calls, and what they may: users with passwords and groups, the access lists of streams
 * (`$acl` of their metadata) and the defaults of `$settings`. A server without users, as one that
 * runs insecurely, takes every caller. Gossip and features are for everybody.
 */
import type { Metadata } from '@grpc/grpc-js';
import type { Knobs } from './behaviour.js';
import { accessDenied, unauthenticated, type Refusal } from './statuses.js';
import { rulesOf } from './stream-metadata.js';
import type { Store } from './store.js';

export interface Caller {
  readonly name: string;
  readonly groups: readonly string[];
}

export type Action = '$r' | '$w' | '$d';

export interface Access {
  /** Undefined when everybody may do everything. */
  callerOf(metadata: Metadata): Caller | Refusal | undefined;
  refusal(caller: Caller | undefined, action: Action, stream: string): Refusal | undefined;
}

const NOBODY: Caller = { name: '', groups: [] };
const ADMINS = '$admins';
const EVERYBODY = '$all';

export function openAccess(store: Store, knobs: Knobs): Access {
  const usersNow = () => new Map(Object.entries(knobs.now.users));
  const listed = (stream: string, action: Action): readonly string[] => {
    const isSystem = stream.startsWith('$');
    const own = rolesIn(rulesOf(store, `$$${stream}`)['$acl'], action);
    const defaults = rulesOf(store, '$settings')[isSystem ? '$systemStreamAcl' : '$userStreamAcl'];
    return own ?? rolesIn(defaults, action) ?? [isSystem ? ADMINS : EVERYBODY];
  };
  return {
    callerOf: (metadata) => {
      const users = usersNow();
      if (users.size === 0) return undefined;
      const [header] = metadata.get('authorization');
      if (header === undefined) return NOBODY;
      const encoded = /^Basic (.*)$/.exec(header.toString())?.[1] ?? '';
      const [name = '', ...rest] = Buffer.from(encoded, 'base64').toString().split(':');
      const user = users.get(name);
      if (user?.password !== rest.join(':')) return unauthenticated();
      return { name, groups: user.groups ?? [] };
    },
    refusal: (caller, action, stream) => {
      if (!caller || caller.groups.includes(ADMINS)) return undefined;
      const roles = caller === NOBODY ? [] : listed(stream, action);
      const isAllowed = [EVERYBODY, caller.name, ...caller.groups].some((r) => roles.includes(r));
      return isAllowed ? undefined : accessDenied();
    },
  };
}

/** One role, or a list of them; undefined where nothing is said. */
function rolesIn(acl: unknown, action: Action): readonly string[] | undefined {
  const roles = (acl as Readonly<Record<string, unknown>> | undefined)?.[action];
  if (typeof roles === 'string') return [roles];
  return Array.isArray(roles) ? roles.map(String) : undefined;
}
