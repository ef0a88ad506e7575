/**
 * Attempts whose end is unknown: their provider may have done the work, and be owed for it. What
 * may follow them:
 *
 *   at the same provider   only the same call again, under its own key, where the provider honours
 *                          it: that pays at most once
 *   at another provider    a call under a key of its own, while what may have been paid so far is
 *                          within the model's `unknownMaxCost`
 */
import type { Micros } from '../../contracts/money.js';

/** The part of an attempt that this is about. */
export interface AttemptEnd {
  readonly provider: string;
  readonly route: string;
  readonly dispatchKey: string;
  /** Absent while it runs: it is doubtful too. */
  readonly ended?: { readonly retryable: boolean; readonly elsewhere?: true } | 'unknown';
  /** Of an unknown end: the most that the provider may be owed. Absent where nobody can tell. */
  readonly mayHaveCost?: Micros;
  /** Of an unknown end: false where the provider does not honour our key. */
  readonly isRepeatable?: boolean;
}

/** Doubtful attempts, one for each key: a key is paid once, however often it is asked. */
export function doubtsOf<A extends AttemptEnd>(attempts: readonly A[]): readonly A[] {
  const doubtful = attempts.filter(({ ended }) => ended === undefined || ended === 'unknown');
  if (doubtful.length < 2) return doubtful;
  return [...new Map(doubtful.map((attempt) => [attempt.dispatchKey, attempt])).values()];
}

/**
 * Under which key a route may be taken: that of its provider's doubtful attempt, or `new`.
 * Undefined where it may not be taken at all.
 */
export function keyFor(
  attempts: readonly AttemptEnd[],
  { provider, route }: Pick<AttemptEnd, 'provider' | 'route'>,
  unknownMaxCost: Micros,
): string | undefined {
  const doubts = doubtsOf(attempts);
  if (doubts.length === 0) return 'new';
  const own = doubts.find((doubt) => doubt.provider === provider);
  if (!own) return isAffordable(doubts, unknownMaxCost) ? 'new' : undefined;
  return isAskable(own) && own.route === route ? own.dispatchKey : undefined;
}

/** Whether any doubtful attempt may be asked again under its key. */
export const canAskAgain = (attempts: readonly AttemptEnd[]): boolean =>
  doubtsOf(attempts).some(isAskable);

/** What may have been paid for nothing, at most; undefined where nobody can tell. */
function mayHavePaid(attempts: readonly AttemptEnd[]): Micros | undefined {
  let sum = 0n;
  for (const { mayHaveCost } of doubtsOf(attempts)) {
    if (mayHaveCost === undefined) return undefined;
    sum += mayHaveCost;
  }
  return sum;
}

/** Whether another provider may be paid, too. A model that may lose nothing never risks it. */
export function isAffordable(
  attempts: readonly AttemptEnd[],
  unknownMaxCost: Micros = 0n,
): boolean {
  const paid = mayHavePaid(attempts);
  return paid !== undefined && unknownMaxCost > 0n && paid <= unknownMaxCost;
}

/** An unknown end of the first releases does not say: they went on only where it may be asked. */
const isAskable = ({ isRepeatable = true }: AttemptEnd): boolean => isRepeatable;
