/**
 * Authenticates requests. A key's stream is named by the hash of its first secret, so it is found
 * without a table, or by way of the stream of a later secret. What was found is cached a while:
 *
 *   age    0 ─────────── 400 ms ──────────────── 900 ms ───────────►
 *          answer from cache │ answer, refresh behind │ refresh, then answer
 *
 * Ages count from before the read, so a key is refused everywhere within one second of its
 * revocation, and nobody gets in while the store is away for longer than that.
 */
import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Promises } from '../../contracts/catalogue/capabilities.js';
import { apiKeyIdOf } from '../../contracts/ids.js';
import type * as ApiKey from '../../domain/api-key/api-key.js';
import { openNetworks } from '../../infra/networks/networks.js';
import type { Repositories } from '../../command-handling/repositories.js';
import type { KeyUses } from '../../infra/key-uses.js';
import { apiKeyHash, isApiKeyText } from './api-key-text.js';
import { bearerOf } from './bearer.js';
import { openOperatorAuthenticator, type OperatorAuthenticator } from './operator-auth.js';
import { Refusal, type Caller } from './route.js';

export interface Authenticator {
  /** The caller that an `Authorization` header names; throws or rejects with a `Refusal`. */
  tenant(authorization: string | undefined): Caller | Promise<Caller>;
  /** Whoever an operator's key names, in either header. */
  readonly operator: OperatorAuthenticator;
}

interface AuthenticatorOptions {
  readonly apiKeys: Repositories['apiKeys'];
  readonly operators: Repositories['operators'];
  readonly organizations: Repositories['organizations'];
  /** Told of every key that is used, and when. */
  readonly uses?: Pick<KeyUses, 'note'>;
  /** Without one, only keys of the log let operators in. */
  readonly adminKey: string | undefined;
  /** Milliseconds since the epoch; decides about a key's expiry only. */
  readonly now: () => number;
  /** Milliseconds that only go forward; decides about ages. */
  readonly monotonicMs?: () => number;
}

/** `caller` is absent for a key that may not be used. */
interface Entry {
  readonly caller: Caller | undefined;
  readonly expiresAtMs: number;
  readonly lookedAtMs: number;
}

const FRESH_MS = 400;
const STALE_MS = 900;
const KEYS_MAX = 20_000;
/** Made-up keys must not push good ones out, so refusals are remembered apart. */
const REFUSED_MAX = 2_000;

export function openAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { now, monotonicMs = () => performance.now() } = options;
  const known = new LRUCache<string, Entry>({ max: KEYS_MAX });
  const refused = new LRUCache<string, Entry>({ max: REFUSED_MAX });
  const looking = new Map<string, Promise<Entry>>();

  const look = (digest: string): Promise<Entry> => {
    const underWay = looking.get(digest);
    if (underWay) return underWay;
    const before = known.get(digest)?.caller;
    const looked = lookUp(options, digest, monotonicMs(), before)
      .then((entry) => {
        (entry.caller ? known : refused).set(digest, entry);
        (entry.caller ? refused : known).delete(digest);
        return entry;
      })
      .finally(() => looking.delete(digest));
    looking.set(digest, looked);
    return looked;
  };

  const callerOf = ({ caller, expiresAtMs }: Entry): Caller => {
    const nowMs = now();
    if (!caller || nowMs >= expiresAtMs) throw new Refusal('UNAUTHORIZED');
    options.uses?.note(caller.keyId, nowMs);
    return caller;
  };

  return {
    tenant(authorization) {
      const text = bearerOf(authorization);
      const digest = apiKeyHash(text);
      const entry = known.get(digest) ?? refused.get(digest);
      if (!entry && !isApiKeyText(text)) throw new Refusal('UNAUTHORIZED');
      const ageMs = entry ? monotonicMs() - entry.lookedAtMs : Infinity;
      if (!entry || ageMs > STALE_MS) return look(digest).then(callerOf);
      // A failed look leaves the entry to grow stale; the next request then meets the failure.
      if (ageMs > FRESH_MS) look(digest).catch(() => undefined);
      return callerOf(entry);
    },
    operator: openOperatorAuthenticator({ ...options, monotonicMs }),
  };
}

/** A key that was known `before` and its organization are read at once. */
async function lookUp(
  { apiKeys, organizations }: Pick<AuthenticatorOptions, 'apiKeys' | 'organizations'>,
  digest: string,
  lookedAtMs: number,
  before: Caller | undefined,
): Promise<Entry> {
  const early = before && organizations.load(before.organizationId);
  const [opened] = await Promise.all([openedBy(apiKeys, digest), early]);
  if (!opened) return { caller: undefined, expiresAtMs: 0, lookedAtMs };
  const { key } = opened;
  const { state } = await (early ?? organizations.load(key.organizationId));
  const secret = key.secrets.find(({ hash: one }) => isSame(one, digest));
  const ends = [key.limits.expiresAt, secret?.validUntil].map((end) =>
    end ? Date.parse(end) : Infinity,
  );
  const required = state.status === 'created' ? state.require : undefined;
  return { caller: callerWith(opened, required), expiresAtMs: Math.min(...ends), lookedAtMs };
}

/** The key that a secret of this hash opens, if it may be used. */
async function openedBy(
  apiKeys: Repositories['apiKeys'],
  digest: string,
): Promise<Active | undefined> {
  const found = await apiKeys.load(apiKeyIdOf(digest));
  const { state } = found.state.status === 'secret' ? await apiKeys.load(found.state.keyId) : found;
  if (state.status !== 'active') return undefined;
  return state.key.secrets.some((secret) => isSame(secret.hash, digest)) ? state : undefined;
}

type Active = Extract<ApiKey.State, { status: 'active' }>;

function callerWith({ key, requestRate }: Active, ofOrganization: Promises | undefined): Caller {
  const { organizationId, keyId, permission, limits } = key;
  const isLimited = Object.keys(requestRate).length > 0;
  const { ipAllowList, allowedModels, require } = limits;
  const requires = [require, ofOrganization].filter((one) => one !== undefined);
  return {
    organizationId,
    keyId,
    permission,
    ...(isLimited && { requestRate }),
    ...(ipAllowList && { networks: openNetworks(ipAllowList) }),
    ...(allowedModels && { allowedModels: new Set(allowedModels) }),
    ...(requires.length > 0 && { requires }),
  };
}

const isSame = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
