/**
 * Authenticates requests. A key's stream is named by the key's own hash, so it is found without a
 * table; its state is cached for a moment:
 *
 *   age    0 ─────────── 400 ms ──────────────── 900 ms ───────────►
 *          answer from cache │ answer, refresh behind │ refresh, then answer
 *
 * Ages count from before the read, so a key is refused everywhere within one second of its
 * revocation, and nobody gets in while the store is away for longer than that.
 */
import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { apiKeyIdOf } from '../../contracts/ids.js';
import type { Repositories } from '../../command-handling/repositories.js';
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
    const looked = lookUp(options.apiKeys, digest, monotonicMs())
      .then((entry) => {
        (entry.caller ? known : refused).set(digest, entry);
        (entry.caller ? refused : known).delete(digest);
        return entry;
      })
      .finally(() => looking.delete(digest));
    looking.set(digest, looked);
    return looked;
  };

  return {
    tenant(authorization) {
      const text = bearerOf(authorization);
      const digest = apiKeyHash(text);
      const entry = known.get(digest) ?? refused.get(digest);
      if (!entry && !isApiKeyText(text)) throw new Refusal('UNAUTHORIZED');
      const ageMs = entry ? monotonicMs() - entry.lookedAtMs : Infinity;
      if (!entry || ageMs > STALE_MS) return look(digest).then((looked) => callerOf(looked, now()));
      // A failed look leaves the entry to grow stale; the next request then meets the failure.
      if (ageMs > FRESH_MS) look(digest).catch(() => undefined);
      return callerOf(entry, now());
    },
    operator: openOperatorAuthenticator({ ...options, monotonicMs }),
  };
}

function callerOf({ caller, expiresAtMs }: Entry, nowMs: number): Caller {
  if (!caller || nowMs >= expiresAtMs) throw new Refusal('UNAUTHORIZED');
  return caller;
}

async function lookUp(
  apiKeys: Repositories['apiKeys'],
  digest: string,
  lookedAtMs: number,
): Promise<Entry> {
  const { state } = await apiKeys.load(apiKeyIdOf(digest));
  if (state.status !== 'active' || !isSame(state.key.hash, digest))
    return { caller: undefined, expiresAtMs: 0, lookedAtMs };
  const { organizationId, keyId, permission, expiresAt } = state.key;
  const expiresAtMs = expiresAt ? Date.parse(expiresAt) : Infinity;
  const { requestRate } = state;
  const isLimited = Object.keys(requestRate).length > 0;
  const caller: Caller = {
    organizationId,
    keyId,
    permission,
    ...(isLimited && { requestRate }),
  };
  return { caller, expiresAtMs, lookedAtMs };
}

const isSame = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
