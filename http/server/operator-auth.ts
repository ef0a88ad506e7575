/**
 * Who an operator is: `MODELROUTE_ADMIN_KEY`, or a key of the log. The keys of the log are in one
 * stream, which a process reads at most every `FRESH_MS` while operators ask, and before it lets
 * one in on what is older than `STALE_MS`: a revoked key is refused within a second.
 */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ALL_OPERATORS, type OperatorRole } from '../../contracts/events/operators.js';
import type { Repositories } from '../../command-handling/repositories.js';
import { apiKeyHash, isOperatorKeyText } from './api-key-text.js';
import { bearerOf, digestOf } from './bearer.js';
import { Refusal } from './route.js';

export interface Operator {
  /** `operator`, or `operator:<key id>`: the actor of what follows. */
  readonly actor: string;
  readonly role: OperatorRole;
}

/** Throws a `Refusal`, or `StoreUnavailable`. The value itself where no look is needed. */
export type OperatorAuthenticator = (
  request: Pick<IncomingMessage, 'headers'>,
) => Operator | Promise<Operator>;

interface OperatorAuthOptions {
  readonly operators: Repositories['operators'];
  /** Without one, only keys of the log let operators in. */
  readonly adminKey: string | undefined;
  /** Milliseconds that only go forward. */
  readonly monotonicMs: () => number;
}

const FRESH_MS = 400;
const STALE_MS = 900;

const ROOT: Operator = { actor: 'operator', role: 'ADMIN' };

export function openOperatorAuthenticator(options: OperatorAuthOptions): OperatorAuthenticator {
  const { operators, monotonicMs } = options;
  const root = options.adminKey === undefined ? undefined : digestOf(options.adminKey);
  let known: Known = { byHash: new Map(), lookedAtMs: -Infinity };
  let looking: Promise<Known> | undefined;

  const look = (): Promise<Known> => {
    const lookedAtMs = monotonicMs();
    return (looking ??= operators
      .load(ALL_OPERATORS)
      .then(({ state }) => {
        const named = state.keys.map(({ hash, keyId, role }): [string, Operator] => [
          hash,
          { actor: `operator:${keyId}`, role },
        ]);
        return (known = { byHash: new Map(named), lookedAtMs });
      })
      .finally(() => (looking = undefined)));
  };

  return (request) => {
    const given = keyIn(request);
    if (root && timingSafeEqual(root, digestOf(given))) return ROOT;
    if (!isOperatorKeyText(given)) throw new Refusal('UNAUTHORIZED');
    const hash = apiKeyHash(given);
    const ageMs = monotonicMs() - known.lookedAtMs;
    if (ageMs > STALE_MS) return look().then((looked) => operatorIn(looked, hash));
    // A failed look leaves what is known to grow stale; the next request then meets the failure.
    if (ageMs > FRESH_MS) look().catch(() => undefined);
    return known.byHash.get(hash) ?? look().then((looked) => operatorIn(looked, hash));
  };
}

/**
 * Throws a `Refusal` unless a request carries one of the keys, as bearer or in `X-Admin-Key`. All
 * are compared, in constant time.
 */
export function keyCheck(keys: readonly (string | undefined)[]) {
  const expected = keys.flatMap((key) => (key === undefined ? [] : [digestOf(key)]));
  return (request: Pick<IncomingMessage, 'headers'>): void => {
    const given = digestOf(keyIn(request));
    const same = expected.filter((digest) => timingSafeEqual(digest, given));
    if (same.length === 0) throw new Refusal('UNAUTHORIZED');
  };
}

function keyIn({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const { authorization, 'x-admin-key': plain } = headers;
  return typeof plain === 'string' ? plain : bearerOf(authorization);
}

interface Known {
  /** By the SHA-256 of the key: 256 random bits that nobody finds by timing a map. */
  readonly byHash: ReadonlyMap<string, Operator>;
  readonly lookedAtMs: number;
}

function operatorIn({ byHash }: Known, hash: string): Operator {
  const operator = byHash.get(hash);
  if (!operator) throw new Refusal('UNAUTHORIZED');
  return operator;
}
