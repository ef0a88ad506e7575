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
import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import { apiKeyIdOf } from '../../contracts/ids.js';
import type { Repositories } from '../../command-handling/repositories.js';
import { apiKeyHash, isApiKeyText } from './api-key-text.js';
import { Refusal, type Caller } from './route.js';

export interface Authenticator {
  /** The caller that an `Authorization` header names; throws or rejects with a `Refusal`. */
  tenant(authorization: string | undefined): Caller | Promise<Caller>;
  /** Throws a `Refusal` unless the request carries the operator's key. */
  requireOperator(request: Pick<IncomingMessage, 'headers'>): void;
}

interface AuthenticatorOptions {
  readonly apiKeys: Repositories['apiKeys'];
  /** Without one, nobody is the operator. */
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
const PREFIX = 'Bearer ';
/** RFC 9110: a scheme is case-insensitive. */
const prefixForm = /^bearer /i;

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
    requireOperator: keyCheck([options.adminKey]),
  };
}

function bearerOf(authorization: string | undefined): string {
  if (authorization?.startsWith(PREFIX) || prefixForm.test(authorization ?? ''))
    return (authorization ?? '').slice(PREFIX.length);
  throw new Refusal('UNAUTHORIZED');
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
  return { caller: { organizationId, keyId, permission }, expiresAtMs, lookedAtMs };
}

/**
 * Throws a `Refusal` unless a request carries one of the keys, as bearer or in `X-Admin-Key`. All
 * are compared, in constant time.
 */
export function keyCheck(keys: readonly (string | undefined)[]): Authenticator['requireOperator'] {
  const expected = keys.flatMap((key) => (key === undefined ? [] : [digestOf(key)]));
  return ({ headers }) => {
    const { authorization, 'x-admin-key': plain } = headers;
    const given = digestOf(typeof plain === 'string' ? plain : bearerOf(authorization));
    const same = expected.filter((digest) => timingSafeEqual(digest, given));
    if (same.length === 0) throw new Refusal('UNAUTHORIZED');
  };
}

const digestOf = (text: string): Buffer => hash('sha256', text, 'buffer');

const isSame = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
